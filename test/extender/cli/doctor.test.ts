/** stowage doctor against an API server and an AWS that lack this and that. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { loadCatalogue } from '../../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { createApiCalls } from '../../../extender/adapters/ec2/api-calls.ts';
import { createClients } from '../../../extender/adapters/ec2/clients.ts';
import { createEc2Cloud } from '../../../extender/adapters/ec2/cloud.ts';
import { createQueueClient } from '../../../extender/adapters/ec2/queue-source.ts';
import { createKubernetesClient } from '../../../extender/adapters/kubernetes/cluster-client.ts';
import { createTransport } from '../../../extender/adapters/kubernetes/transport.ts';
import { systemClock, systemRandom } from '../../../extender/adapters/system.ts';
import { checkCloud } from '../../../extender/cli/doctor-cloud.ts';
import { checkCluster } from '../../../extender/cli/doctor-cluster.ts';
import { type Finding, findingsText, isHealthy } from '../../../extender/cli/doctor-findings.ts';
import { createMetrics } from '../../../extender/metrics.ts';
import { startAwsWorld } from '../../support/aws-world.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

interface ServerAnswers {
  /** Whether a right is granted, as `verb resource/subresource`. */
  readonly allows: (right: string) => boolean;
  readonly kinds: readonly string[];
  readonly scheduler: string | undefined;
}

/** As much of an API server as the doctor asks for. */
async function clusterFindings(t: Test, answers: ServerAnswers): Promise<readonly Finding[]> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const url = request.url ?? '';
      const body = answerOf(url, text, answers);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { kind: 'Status', code: 404, reason: 'NotFound' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connection = {
    server: `http://127.0.0.1:${port}`,
    namespace: 'default',
    credentials: async () => ({ headers: {}, tls: {} }),
  };
  const transport = createTransport(connection);
  const client = createKubernetesClient(connection, { transport });
  t.teardown(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return await checkCluster({
    client,
    transport,
    namespace: 'stowage-system',
    serviceAccount: 'stowage-system/stowage',
  });
}

function answerOf(url: string, text: string, { allows, kinds, scheduler }: ServerAnswers): unknown {
  if (url === '/version') return { gitVersion: 'v1.36.0' };
  if (url.endsWith('subjectaccessreviews')) {
    const { spec } = JSON.parse(text) as {
      spec: { resourceAttributes: { verb: string; resource: string; subresource: string } };
    };
    const { verb, resource, subresource } = spec.resourceAttributes;
    const path = subresource === '' ? resource : `${resource}/${subresource}`;
    return { status: { allowed: allows(`${verb} ${path}`) } };
  }
  if (url.includes('/configmaps/')) {
    return scheduler === undefined ? undefined : { data: { 'scheduler.yaml': scheduler } };
  }
  if (url.includes('/nodepools')) return { metadata: { resourceVersion: '1' }, items: [] };
  return { resources: kinds.map((name) => ({ name })) };
}

const goodScheduler =
  'percentageOfNodesToScore: 100\nextenders: [{nodeCacheCapable: true, ignorable: true}]\n';
const allKinds = ['nodepools', 'nodeclaims', 'ec2nodeclasses'];

function levels(findings: readonly Finding[]): Record<string, number> {
  const counts = { ok: 0, warn: 0, fail: 0 };
  for (const { level } of findings) counts[level] += 1;
  return counts;
}

t.test('a cluster that lacks nothing but pools', async (t) => {
  const findings = await clusterFindings(t, {
    allows: () => true,
    kinds: allKinds,
    scheduler: goodScheduler,
  });
  t.strictSame(levels(findings), { ok: 6, warn: 1, fail: 0 });
  t.ok(isHealthy(findings));
  t.match(findings[0]?.detail, 'v1.36.0');
});

t.test('a right, a kind and the scheduler are missing', async (t) => {
  const findings = await clusterFindings(t, {
    allows: (right) => right !== 'create pods/binding',
    kinds: ['nodepools', 'nodeclaims'],
    scheduler: undefined,
  });
  t.notOk(isHealthy(findings));
  const failed = findings.filter(({ level }) => level === 'fail');
  t.strictSame(
    failed.map(({ detail }) => detail),
    ['karpenter.k8s.aws/v1 is not served', 'may not create pods/binding'],
  );
  t.match(findings.find(({ area }) => area === 'scheduler')?.detail, 'there is no ConfigMap');
  const text = findingsText(findings, { colour: false, columns: 110 });
  t.match(text, /What to do:\n {2}fail {2}kinds, EC2NodeClass: kubectl apply -f manifests\/crds/);
  t.match(text, '2 to fix');
});

t.test('a scheduler profile that says something else', async (t) => {
  const findings = await clusterFindings(t, {
    allows: () => true,
    kinds: allKinds,
    scheduler: 'extenders: [{ignorable: true}]\n',
  });
  t.equal(
    findings.find(({ area }) => area === 'scheduler')?.detail,
    'nodeCacheCapable is not true; percentageOfNodesToScore is not 100',
  );
});

const nodeClass: EC2NodeClass = {
  apiVersion: 'karpenter.k8s.aws/v1',
  kind: 'EC2NodeClass',
  metadata: { name: 'default' },
  spec: {
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    subnetSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'simulated' } }],
    securityGroupSelectorTerms: [{ tags: { 'karpenter.sh/discovery': 'another' } }],
    role: 'StowageNodeRole-simulated',
  },
};

async function cloudFindings(
  t: Test,
  queue: string | undefined,
  refused: readonly string[],
): Promise<readonly Finding[]> {
  const world = await startAwsWorld();
  for (const action of refused) {
    const fault = { type: 'refuse', code: 'UnauthorizedOperation', status: 403 } as const;
    world.faults.add({ action, fault, times: 10 });
  }
  const connection = { region: 'us-east-1', endpoint: world.wire.endpoint, credentials };
  const clients = createClients(connection);
  const sqs = createQueueClient(connection);
  const cloud = createEc2Cloud({
    ...connection,
    clusterName: 'simulated',
    clock: systemClock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
    metrics: createMetrics('test', { process: false }).cloud,
    catalogue: loadCatalogue(),
  });
  t.teardown(async () => {
    clients.close();
    sqs.destroy();
    cloud.close();
    await world.close();
  });
  const meter = { called: () => undefined, waited: () => undefined };
  return await checkCloud({
    ...connection,
    clusterName: 'simulated',
    api: createApiCalls({ clock: systemClock, random: systemRandom, meter }),
    clients,
    sqs,
    queue,
    cloud: cloud.nodeClasses,
    nodeClasses: [nodeClass],
  });
}

t.test('an account where everything is allowed', async (t) => {
  const findings = await cloudFindings(t, 'simulated', []);
  const failed = findings.filter(({ level }) => level === 'fail');
  t.strictSame(
    failed.map(({ area, subject, fix }) => [area, subject, fix]),
    [
      [
        'class default',
        'security groups',
        'spec.securityGroupSelectorTerms matches nothing: look at its tags and ids',
      ],
    ],
    'but for what the class does not find',
  );
  t.match(findings.find(({ subject }) => subject === 'subnets')?.detail, /us-east-1a/);
  t.match(findings.find(({ subject }) => subject === 'images')?.detail, /^ami-/);
  t.equal(findings.find(({ area }) => area === 'queue')?.level, 'ok');
});

t.test('refused actions are named one by one; so is a queue that is not there', async (t) => {
  const findings = await cloudFindings(t, 'another', ['ec2:CreateFleet', 'pricing:GetProducts']);
  const failed = findings.filter(({ level }) => level === 'fail');
  t.strictSame(
    failed.slice(0, 3).map(({ area, subject }) => [area, subject]),
    [
      ['permissions', 'ec2:CreateFleet'],
      ['permissions', 'pricing:GetProducts'],
      ['queue', 'another'],
    ],
  );
  t.match(failed[0]?.fix, 'controller-policy.json');
});

t.test('without credentials nothing else is asked', async (t) => {
  const findings = await cloudFindings(t, undefined, ['sts:GetCallerIdentity']);
  t.strictSame(levels(findings), { ok: 0, warn: 0, fail: 1 });
  t.match(findings[0]?.fix, 'renew the credentials');
});
