/** The IAM policies against every call that the provider makes: all allowed, nothing more. */
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { loadCatalogue } from '../../catalogue/loader.ts';
import { createApiCalls } from '../../extender/adapters/ec2/api-calls.ts';
import { createClients } from '../../extender/adapters/ec2/clients.ts';
import { createEc2Cloud, type Ec2Cloud } from '../../extender/adapters/ec2/cloud.ts';
import { createInstanceStatusSource } from '../../extender/adapters/ec2/instance-status-source.ts';
import { createQueueClient, createQueueSource } from '../../extender/adapters/ec2/queue-source.ts';
import { systemClock, systemRandom } from '../../extender/adapters/system.ts';
import { triedActions, untriedActions } from '../../extender/cli/doctor-permissions.ts';
import { createMetrics } from '../../extender/metrics.ts';
import { createRandom } from '../../sim/random.ts';
import { authorizationsOf } from '../support/aws-authorizations.ts';
import { type Ec2World, startEc2World } from '../support/ec2-cloud.ts';
import { type Authorization, actionsOf, isAllowed, type Policy } from '../support/iam-policy.ts';
import { manifestDirectory } from './read-manifests.ts';

t.setTimeout(120_000);

const clusterName = 'simulated';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
/** Rights that come with calls: tags that are set while something is made, the role in a template. */
const impliedActions = ['ec2:CreateTags', 'iam:PassRole', 'iam:TagInstanceProfile'];
const adapterDirectory = join(manifestDirectory, '..', 'extender', 'adapters', 'ec2');

async function policyOf(region: string, accountId: string): Promise<Policy> {
  const text = await readFile(join(manifestDirectory, 'iam', 'controller-policy.json'), 'utf8');
  return JSON.parse(
    text
      .replaceAll('MY-CLUSTER', clusterName)
      .replaceAll('MY-REGION', region)
      .replaceAll('MY-ACCOUNT', accountId),
  ) as Policy;
}

/** `service:Action` of every command of the SDK that the adapter makes. */
async function commandsInSource(): Promise<ReadonlyMap<string, string>> {
  const commands = new Map<string, string>();
  for (const file of await readdir(adapterDirectory)) {
    const source = await readFile(join(adapterDirectory, file), 'utf8');
    const imports = source.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-(\w+)'/g);
    for (const [, names = '', service = ''] of imports) {
      for (const [, name = ''] of names.matchAll(/\b(\w+)Command\b/g)) {
        commands.set(`${service}:${name}`, file);
      }
    }
  }
  return commands;
}

/** As policies call it. */
function policyAction(call: string): string {
  return call === 'sqs:DeleteMessageBatch' ? 'sqs:DeleteMessage' : call;
}

t.test('the policy names the actions of the code, and no others', async (t) => {
  const policy = await policyOf('us-east-1', '123456789012');
  const used = [...(await commandsInSource()).keys()].map(policyAction);
  t.strictSame(actionsOf(policy), [...new Set([...used, ...impliedActions])].toSorted());
});

t.test('the doctor tries each of them, or says that it cannot', async (t) => {
  const policy = await policyOf('us-east-1', '123456789012');
  const ofQueue = ['sqs:DeleteMessage', 'sqs:GetQueueUrl', 'sqs:ReceiveMessage'];
  const known = [...Object.keys(triedActions), ...untriedActions, ...ofQueue];
  t.strictSame(known.toSorted(), actionsOf(policy));
});

interface Recording {
  readonly endpoint: string;
  readonly calls: { readonly call: string; readonly needs: readonly Authorization[] }[];
}

/** Passes everything on to the simulated AWS, and notes what policies would be asked. */
async function startRecorder(t: Test, { world }: Ec2World): Promise<Recording> {
  const calls: Recording['calls'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method = 'GET', url: path = '/', headers } = request;
      const target = String(headers['x-amz-target'] ?? '');
      calls.push(authorizationsOf({ method, path, target, body }, world));
      const passed = { 'content-type': headers['content-type'] ?? '', 'x-amz-target': target };
      void fetch(`${world.wire.endpoint}${path}`, {
        method,
        headers: target === '' ? { 'content-type': passed['content-type'] } : passed,
        ...(method === 'GET' ? {} : { body }),
      })
        .then(async (answer) => {
          response.writeHead(answer.status, {
            'content-type': answer.headers.get('content-type') ?? 'text/xml',
          });
          response.end(Buffer.from(await answer.arrayBuffer()));
        })
        // What is lost behind is lost for the caller.
        .catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, calls };
}

/** A node class and its nodes from beginning to end. */
async function liveOnce(cloud: Ec2Cloud, ec2: Ec2World): Promise<void> {
  const { nodeClasses } = cloud;
  const { nodeClass } = ec2;
  await cloud.start(new AbortController().signal);
  await nodeClasses.subnets(nodeClass);
  await nodeClasses.securityGroups(nodeClass);
  await nodeClasses.images(nodeClass);
  await nodeClasses.capacityReservations({
    ...nodeClass,
    spec: { ...nodeClass.spec, capacityReservationSelectorTerms: [{ tags: { team: 'red' } }] },
  });
  await nodeClasses.placementGroup({
    ...nodeClass,
    spec: { ...nodeClass.spec, placementGroupSelector: { name: 'cluster-a' } },
  });
  const instanceProfile = await nodeClasses.instanceProfile(nodeClass);
  const ready = { ...nodeClass, status: { ...nodeClass.status, instanceProfile } };
  await nodeClasses.validate(ready);
  for (const offering of ['m5.large/a/on-demand', 'm5.large/b/spot']) {
    const request = ec2.request(`uid-${offering}`, [offering]);
    const outcome = await cloud.launch({ ...request, nodeClass: ready });
    if (outcome.outcome !== 'launched') throw new Error(outcome.message);
    await cloud.tag(outcome.instance.providerID, { Name: 'node-1' });
    await cloud.get(outcome.instance.providerID);
    await cloud.list();
    await cloud.terminate(outcome.instance.providerID);
  }
  await nodeClasses.collectTemplates();
  await nodeClasses.forget(ready);
}

async function hearOnce(endpoint: string): Promise<void> {
  const connection = { region: 'us-east-1', endpoint, credentials };
  const meter = { called: () => undefined, waited: () => undefined };
  const api = createApiCalls({ clock: systemClock, random: systemRandom, meter });
  const clients = createClients(connection);
  const client = createQueueClient(connection);
  const { signal } = new AbortController();
  const queue = createQueueSource({ api, client, queue: clusterName });
  const messages = await queue.receive(signal);
  await queue.acknowledge(
    messages.map(({ receipt }) => receipt),
    signal,
  );
  const tools = { api, clients, clock: systemClock, random: systemRandom };
  await createInstanceStatusSource(tools).receive(signal);
  clients.close();
  client.destroy();
}

t.test('every call of a life is allowed, and every allowance is made use of', async (t) => {
  const ec2 = await startEc2World();
  const { account } = ec2.world;
  const recording = await startRecorder(t, ec2);
  const cloud = createEc2Cloud({
    region: account.region,
    endpoint: recording.endpoint,
    credentials,
    clusterName,
    clock: ec2.world.clock,
    random: createRandom('policy'),
    log: pino({ level: 'silent' }),
    metrics: createMetrics('test', { process: false }).cloud,
    catalogue: loadCatalogue(),
  });
  t.teardown(async () => {
    cloud.close();
    await ec2.close();
  });
  await liveOnce(cloud, ec2);
  await hearOnce(recording.endpoint);
  const policy = await policyOf(account.region, account.accountId);
  const refused = recording.calls.flatMap(({ call, needs }) =>
    needs.filter((need) => !isAllowed(policy, need)).map((need) => ({ call, ...need })),
  );
  t.strictSame(refused, []);
  const asked = new Set(recording.calls.flatMap(({ needs }) => needs.map(({ action }) => action)));
  t.strictSame(
    actionsOf(policy).filter((action) => !asked.has(action)),
    [],
    'each action of the policy was asked for',
  );
  t.comment(`${recording.calls.length} calls`);
});

t.test('what is not ours may not be ended, and nothing is launched without our tag', async (t) => {
  const policy = await policyOf('us-east-1', '123456789012');
  const instance = 'arn:aws:ec2:us-east-1:123456789012:instance/i-1';
  for (const action of ['ec2:TerminateInstances', 'ec2:RunInstances', 'ec2:CreateTags']) {
    t.notOk(isAllowed(policy, { action, resource: instance, keys: {} }), action);
    const keys = { 'aws:ResourceTag/kubernetes.io/cluster/another': 'owned' };
    t.notOk(isAllowed(policy, { action, resource: instance, keys }), `${action} elsewhere`);
  }
  const ours = { 'aws:ResourceTag/kubernetes.io/cluster/simulated': 'owned' };
  const naming = { action: 'ec2:CreateTags', resource: instance, keys: ours };
  t.ok(isAllowed(policy, { ...naming, lists: { 'aws:TagKeys': ['Name'] } }));
  const toTake = { 'aws:TagKeys': ['Name', 'kubernetes.io/cluster/simulated'] };
  t.notOk(isAllowed(policy, { ...naming, lists: toTake }), 'only names');
  const role = 'arn:aws:iam::123456789012:role/Admin';
  const keys = { 'iam:PassedToService': 'ec2.amazonaws.com' };
  t.notOk(isAllowed(policy, { action: 'iam:PassRole', resource: role, keys }));
});

t.test('the rules of the queue let through what the service understands', async (t) => {
  const text = await readFile(join(manifestDirectory, 'iam', 'interruption-queue.yaml'), 'utf8');
  const tag = (name: string) => ({ tag: `!${name}`, resolve: (value: string) => value });
  const template = parse(text, { customTags: [tag('Ref'), tag('GetAtt')] }) as {
    readonly Resources: Readonly<
      Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
    >;
  };
  const patterns = Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::Events::Rule')
    .map(({ Properties }) => Properties['EventPattern'] as { 'detail-type': string[] });
  t.strictSame(patterns.flatMap((pattern) => pattern['detail-type']).toSorted(), [
    'AWS Health Event',
    'Capacity Block Reservation Expiration Warning',
    'EC2 Capacity Reservation Instance Interruption Warning',
    'EC2 Instance Rebalance Recommendation',
    'EC2 Instance State-change Notification',
    'EC2 Spot Instance Interruption Warning',
  ]);
});
