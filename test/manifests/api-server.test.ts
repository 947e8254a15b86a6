/** The manifests on a real API server: accepted as they are, and refused where they should be. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import type { ApiClient } from '../control-plane/api-client.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import {
  nodeClaim,
  nodeClass,
  nodeClassRefusals,
  nodePool,
  nodePoolRefusals,
  type Refusal,
  withField,
} from './api-objects.ts';
import { collectionPath, findObject, manifestDirectory, readManifests } from './read-manifests.ts';

const deadlineMs = 60_000;
const pools = '/apis/karpenter.sh/v1/nodepools';
const claims = '/apis/karpenter.sh/v1/nodeclaims';
const dryRun = '?dryRun=All&fieldValidation=Strict&fieldManager=test';

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 10 * deadlineMs);

interface Status {
  readonly message?: string;
}

t.test('the manifests on a real API server', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ schedulers: [], log: (line) => t.comment(line) });
  t.teardown(async () => await plane.stop());
  const { client } = plane;
  await t.test('the definitions are established and structural', async (t) => checkCrds(t, client));
  await t.test('everything passes a server-side dry run', async (t) => checkDryRun(t, plane));
  await t.test('a NodePool is taken, with defaults', async (t) => checkNodePool(t, client));
  await t.test('every rule of a NodePool refuses what it should', async (t) =>
    checkRefusals(t, client, pools, nodePool, nodePoolRefusals),
  );
  await t.test('what a NodePool is cannot change later', async (t) => checkChanges(t, client));
  await t.test('a NodeClaim is taken, and its spec is final', async (t) =>
    checkNodeClaim(t, client),
  );
  for (const group of ['karpenter.k8s.aws', 'stowage.dev']) {
    const collection = `/apis/${group}/v1/ec2nodeclasses`;
    const object = { apiVersion: `${group}/v1`, ...nodeClass };
    await t.test(`an EC2NodeClass of ${group} is taken, with defaults`, async (t) => {
      const { status, body } = await client.send<typeof nodeClass & Status>(
        'POST',
        collection + dryRun,
        object,
      );
      t.equal(status, 201, body.message ?? '');
      t.match(body.spec, { metadataOptions: { httpTokens: 'required', httpEndpoint: 'enabled' } });
      t.equal(body.spec.kubelet.topologyManagerPolicy, 'single-numa-node', 'passed on unread');
    });
    await t.test(`every rule of an EC2NodeClass of ${group} refuses what it should`, async (t) =>
      checkRefusals(t, client, collection, object, nodeClassRefusals),
    );
  }
  await t.test('pods that the Deployment makes are admitted by the restricted level', async (t) =>
    checkPodSecurity(t, client),
  );
  await t.test('namespaces choose the scheduler by label', async (t) => checkPolicy(t, client));
  await t.test('columns and explanations reach kubectl', async (t) => checkKubectl(t, plane));
});

async function checkCrds(t: Test, client: ApiClient): Promise<void> {
  for (const { object } of await readManifests('crds')) {
    const { name } = object.metadata;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
    // As `kubectl apply --server-side` does, so that the dry run below meets its own fields.
    const applied = `${path}?fieldManager=kubectl`;
    await client.expect('PATCH', applied, object, 'application/apply-patch+yaml');
    const condition = async (type: string): Promise<string | undefined> => {
      const found = await client.expect<{
        status?: { conditions?: { type: string; status: string }[] };
      }>('GET', path);
      return found.status?.conditions?.find((one) => one.type === type)?.status;
    };
    await until(`${name} is established`, async () => (await condition('Established')) === 'True');
    t.equal(await condition('NamesAccepted'), 'True');
    t.equal(await condition('NonStructuralSchema'), undefined);
    // Established is not yet served: the handler is told a moment later.
    const { group, versions } = object['spec'] as {
      readonly group: string;
      readonly versions: readonly { readonly name: string }[];
    };
    const plural = name.slice(0, name.indexOf('.'));
    const served = `/apis/${group}/${versions[0]?.name}/${plural}`;
    await until(`${name} is served`, async () => (await client.send('GET', served)).status === 200);
  }
}

async function checkDryRun(t: Test, { client, binaries, kubeconfigPath }: ControlPlane) {
  const deploy = await readManifests('deploy');
  await client.expect('POST', '/api/v1/namespaces', {
    ...findObject(deploy, 'Namespace', 'stowage-system'),
  });
  const manifests = [
    ...deploy,
    ...(await readManifests('node-pools')),
    ...(await readManifests('examples/studio')).filter(({ object }) =>
      object.apiVersion.startsWith('karpenter.'),
    ),
  ];
  for (const { file, object } of manifests.filter(({ object }) => object.kind !== 'Namespace')) {
    const path = `${collectionPath(object)}${dryRun}`;
    const { status, body } = await client.send<Status>('POST', path, object);
    t.equal(status, 201, `${file}: ${object.kind} ${object.metadata.name}: ${body.message ?? ''}`);
  }
  const args = ['apply', '--server-side', '--dry-run=server', '-k', manifestDirectory];
  const { stdout } = await promisify(execFile)(binaries.kubectl, args, {
    env: { ...process.env, KUBECONFIG: kubeconfigPath },
  });
  const applied = deploy.length + (await readManifests('crds')).length;
  t.equal(stdout.trim().split('\n').length, applied, 'kustomization.yaml names every file');
}

async function checkNodePool(t: Test, client: ApiClient): Promise<void> {
  const full = await client.send<Status>('POST', pools + dryRun, nodePool);
  t.equal(full.status, 201, full.body.message ?? '');
  const { nodeClassRef } = nodePool.spec.template.spec;
  const smallest = {
    ...nodePool,
    spec: { template: { spec: { nodeClassRef, requirements: [] } } },
  };
  const { body } = await client.send<{ spec: object }>('POST', pools + dryRun, smallest);
  t.strictSame(body.spec, {
    template: { spec: { nodeClassRef, requirements: [], expireAfter: '720h' } },
    disruption: {
      consolidateAfter: '0s',
      consolidationPolicy: 'WhenEmptyOrUnderutilized',
      budgets: [{ nodes: '10%' }],
    },
  });
  const misspelt = withField(nodePool, 'spec/wieght', 10);
  t.match(await client.send('POST', pools + dryRun, misspelt), {
    status: 400,
    body: { message: /unknown field "spec\.wieght"/ },
  });
}

async function checkRefusals(
  t: Test,
  client: ApiClient,
  collection: string,
  object: object,
  refusals: readonly Refusal[],
): Promise<void> {
  for (const { name, field, value, message } of refusals) {
    const path = `${collection}?dryRun=All`;
    const { status, body } = await client.send<Status>(
      'POST',
      path,
      withField(object, field, value),
    );
    t.equal(status, 422, name);
    t.match(body.message, message, name);
  }
}

async function checkChanges(t: Test, client: ApiClient): Promise<void> {
  await client.expect('POST', pools, nodePool);
  const change = async (spec: object) => {
    const { status, body } = await client.send<Status>('PATCH', `${pools}/pool`, { spec });
    return { status, message: body.message };
  };
  const nodeClassRef = { group: 'stowage.dev' };
  t.match(await change({ template: { spec: { nodeClassRef } } }), {
    status: 422,
    message: /the group of a node class cannot change/,
  });
  t.match(await change({ template: { spec: { nodeClassRef: { kind: 'Other' } } } }), {
    status: 422,
    message: /the kind of a node class cannot change/,
  });
  t.match(await change({ replicas: 2, weight: null, limits: null }), {
    status: 422,
    message: /replicas can be neither added/,
  });
  t.match(await change({ template: { spec: { nodeClassRef: { name: 'other' } } } }), {
    status: 200,
  });
  t.match(await change({ weight: 20 }), { status: 200 });

  const { nodeClassRef: ref } = nodePool.spec.template.spec;
  const spec = {
    replicas: 2,
    limits: { nodes: 5 },
    template: { spec: { nodeClassRef: ref, requirements: [] } },
  };
  await client.expect('POST', pools, { ...nodePool, metadata: { name: 'static' }, spec });
  const status = { nodes: 2, resources: { cpu: '8' } };
  await client.expect('PATCH', `${pools}/static/status`, { status, spec: { replicas: 99 } });
  const scale = await client.expect('GET', `${pools}/static/scale`);
  t.match(scale, { spec: { replicas: 2 }, status: { replicas: 2 } });
}

async function checkNodeClaim(t: Test, client: ApiClient): Promise<void> {
  const created = await client.expect<{ spec: object; status?: object }>('POST', claims, {
    ...nodeClaim,
    status: { nodeName: 'x' },
  });
  t.match(created.spec, { expireAfter: '720h' });
  t.equal(created.status, undefined, 'status is written apart');
  const refused = await client.send<Status>('PATCH', `${claims}/claim`, {
    spec: { terminationGracePeriod: '1h' },
  });
  t.match(refused, { status: 422, body: { message: /the spec of a NodeClaim cannot change/ } });
  const condition = {
    type: 'Launched',
    status: 'True',
    reason: 'Launched',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const status = {
    providerID: 'aws:///us-east-1a/i-0123',
    capacity: { cpu: '2', memory: '8Gi' },
    allocatable: { cpu: '1930m' },
    lastPodEventTime: '2026-01-01T00:00:00Z',
    conditions: [condition],
  };
  t.match(await client.send('PATCH', `${claims}/claim/status`, { status }), {
    status: 200,
    body: { status },
  });
  const twice = { status: { conditions: [condition, condition] } };
  t.match(await client.send('PATCH', `${claims}/claim/status`, twice), { status: 422 });
}

async function checkPodSecurity(t: Test, client: ApiClient): Promise<void> {
  const deployment = findObject(await readManifests('deploy'), 'Deployment', 'stowage');
  const { template } = deployment['spec'] as { template: { metadata: object; spec: object } };
  const create = async (spec: object) =>
    await client.send<Status>('POST', `/api/v1/namespaces/stowage-system/pods${dryRun}`, {
      metadata: { ...template.metadata, name: 'trial' },
      spec,
    });
  const accepted = await create(template.spec);
  t.equal(accepted.status, 201, accepted.body.message ?? '');
  const lax = withField(template.spec, 'containers/0/securityContext', {});
  t.match(await create(lax), { status: 403, body: { message: /violates PodSecurity/ } });
}

async function checkPolicy(t: Test, client: ApiClient): Promise<void> {
  const deploy = await readManifests('deploy');
  for (const kind of ['MutatingAdmissionPolicy', 'MutatingAdmissionPolicyBinding']) {
    const object = findObject(deploy, kind, 'stowage-scheduler-name');
    await client.expect('POST', collectionPath(object), object);
  }
  const labels = { 'stowage.dev/scheduler': 'enabled' };
  await client.expect('POST', '/api/v1/namespaces', { metadata: { name: 'opted-in', labels } });
  const schedulerOf = async (namespace: string, metadata: object, spec: object = {}) => {
    const pod = {
      metadata: { name: 'p', ...metadata },
      spec: { containers: [{ name: 'a', image: 'a' }], ...spec },
    };
    const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const created = await client.expect<{ spec: { schedulerName: string } }>('POST', path, pod);
    return created.spec.schedulerName;
  };
  await until(
    'the policy is in force',
    async () => (await schedulerOf('opted-in', {})) === 'stowage',
  );
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true };
  const job = { ...owner, apiVersion: 'batch/v1', kind: 'Job' };
  t.equal(await schedulerOf('opted-in', { ownerReferences: [job] }), 'stowage');
  t.equal(await schedulerOf('opted-in', { ownerReferences: [owner] }), 'default-scheduler');
  t.equal(await schedulerOf('opted-in', {}, { schedulerName: 'volcano' }), 'volcano');
  t.equal(await schedulerOf('opted-in', {}, { nodeName: 'a' }), 'default-scheduler');
  t.equal(await schedulerOf('default', {}), 'default-scheduler');
}

async function checkKubectl(t: Test, { binaries, kubeconfigPath }: ControlPlane): Promise<void> {
  const kubectl = async (...args: string[]): Promise<string> => {
    const env = { ...process.env, KUBECONFIG: kubeconfigPath };
    return (await promisify(execFile)(binaries.kubectl, args, { env })).stdout;
  };
  const columns = async (kind: string): Promise<string> =>
    (await kubectl('get', kind, '-o', 'wide')).split('\n')[0]?.replaceAll(/ +/g, ' ').trim() ?? '';
  t.equal(await columns('nodepools'), 'NAME NODECLASS NODES READY AGE WEIGHT CPU MEMORY');
  t.equal(
    await columns('nodeclaims'),
    'NAME TYPE CAPACITY ZONE NODE READY AGE IMAGEID ID NODEPOOL NODECLASS DRIFTED',
  );
  t.match(
    await kubectl('explain', 'nodepool.spec.weight'),
    /Pools of higher weight are used first/,
  );
  t.match(await kubectl('get', 'karpenter', '-o', 'name'), /nodepool\.karpenter\.sh\/pool/);
  t.match(await kubectl('get', 'ec2nc'), '');
  t.match(await kubectl('get', 'snc'), '');
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
  }
}
