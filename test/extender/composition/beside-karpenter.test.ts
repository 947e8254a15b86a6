/** The whole service beside a Karpenter: each has its group, and what nobody leads any more is taken over. */
import t, { type Test } from 'tap';
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import type { NodePoolRequirement } from '../../../core/api/nodepool.ts';
import { registrationPatch } from '../../../core/lifecycle/registration.ts';
import { deleteObject } from '../../../sim/cluster/deletion.ts';
import { batchShapes, type JobShape, submitJob } from '../../../sim/workloads.ts';
import { fakeKarpenter } from '../../support/fake-karpenter.ts';
import { countPods, ownNodes, type WholeWorld, wholeWorld } from '../../support/whole-service.ts';

t.setTimeout(120_000);

const second = 1_000;
const minute = 60 * second;
const amd64: readonly NodePoolRequirement[] = [
  { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
  { key: 'karpenter.sh/capacity-type', operator: 'In', values: ['on-demand'] },
];
const [lint] = batchShapes;
if (lint === undefined) throw new Error('there is no shape');
const shape: JobShape = lint;

/** A pool of each group: `general` is Karpenter's, `moved` has been moved to Stowage. */
function setUp(seed: number) {
  const w = wholeWorld(seed, {
    absentKinds: [],
    pools: [{ name: 'general', requirements: amd64 }],
  });
  const { cluster } = w;
  const theirs = cluster.get('EC2NodeClass', { name: 'default' });
  if (theirs === undefined) throw new Error('there is no node class');
  const metadata = { name: 'default' };
  const { kind, spec, status } = theirs;
  cluster.create('EC2NodeClass.stowage.dev', {
    apiVersion: 'stowage.dev/v1',
    kind,
    metadata,
    spec,
  });
  cluster.patch(
    'EC2NodeClass.stowage.dev',
    metadata,
    { type: 'merge', body: { status: status ?? {} } },
    { subresource: 'status' },
  );
  const pool = cluster.get('NodePool', { name: 'general' });
  if (pool === undefined) throw new Error('there is no pool');
  const { template, ...rest } = pool.spec;
  const nodeClassRef = { ...template.spec.nodeClassRef, group: 'stowage.dev' };
  cluster.create('NodePool', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'moved' },
    spec: { ...rest, template: { spec: { ...template.spec, nodeClassRef } } },
  });
  return { w, karpenter: fakeKarpenter(w) };
}

/** Pods that select their pool, as the migration guide asks for. */
function submit({ cluster }: WholeWorld, pool: string, runMs = 5 * minute): void {
  const nodeSelector = { 'karpenter.sh/nodepool': pool };
  submitJob(cluster, { ...shape, name: `on-${pool}`, nodeSelector }, { pods: 10, runMs });
}

const running = (w: WholeWorld, pool: string): number => countPods(w, `on-${pool}`, 'Running');

/** Everything of Karpenter's that only provisioners write, with its version. */
function theirs({ cluster }: WholeWorld): readonly string[] {
  const objects = [
    ...cluster.all('NodePool'),
    ...cluster.all('NodeClaim'),
    ...cluster.all('EC2NodeClass'),
  ];
  return objects
    .filter(
      ({ kind, metadata: { name, labels } }) =>
        kind === 'EC2NodeClass' ||
        (labels?.['karpenter.sh/nodepool'] ?? (kind === 'NodePool' ? name : '')) === 'general',
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
}

const isOn = ({ labels }: Live<'Node'>['metadata'], pool: string): boolean =>
  labels?.['karpenter.sh/nodepool'] === pool;
const claimsOf = ({ cluster }: WholeWorld, pool: string) =>
  [...cluster.all('NodeClaim')].filter(({ metadata }) => isOn(metadata, pool));

function checkEnd(t: Test, w: WholeWorld): void {
  t.strictSame(w.invariants.violations, []);
  t.strictSame(
    w.replicas.flatMap(({ failures }) => failures),
    [],
  );
}

t.test('beside a Karpenter its pools are left alone, and ours are served', async (t) => {
  const { w, karpenter } = setUp(1);
  karpenter.lead();
  const before = theirs(w);
  const replica = await w.startReplica('one');
  submit(w, 'general');
  submit(w, 'moved');
  await w.until('the pods of our pool run', () => running(w, 'moved') === 10);
  await w.clock.advance(5 * minute);
  t.equal(running(w, 'general'), 0);
  t.strictSame(theirs(w), before, 'nothing was written');
  t.strictSame(claimsOf(w, 'general'), []);
  const events = [...w.cluster.all('Event')].filter(({ reason }) => reason === 'LeftToKarpenter');
  t.match(events, [
    {
      type: 'Normal',
      involvedObject: { kind: 'NodePool', name: 'general' },
      message: /^Karpenter holds its Lease: .* stowage\.dev is Stowage's$/,
    },
  ]);
  const metrics = await replica.service.metrics.registry.metrics();
  t.notMatch(metrics, /nodepools_usage\{[^}]*nodepool="general"/);
  t.match(metrics, /nodepools_usage\{[^}]*nodepool="moved"/);
  for (const { metadata } of w.cluster.all('Node')) {
    const labels = metadata.labels ?? {};
    if (labels['karpenter.sh/nodepool'] === undefined) continue;
    t.equal(labels['karpenter.k8s.aws/ec2nodeclass'], undefined, 'Karpenter would act on it');
    t.equal(labels['stowage.dev/ec2nodeclass'], 'default');
  }
  await w.until('our nodes end', () => ownNodes(w) === 0);
  checkEnd(t, w);
});

t.test('what no Karpenter leads any more is taken over', async (t) => {
  const { w, karpenter } = setUp(2);
  karpenter.lead();
  await w.startReplica('one');
  submit(w, 'general');
  await w.clock.advance(minute);
  karpenter.die();
  await w.clock.advance(28 * second);
  t.strictSame(claimsOf(w, 'general'), [], 'another replica of it might take its Lease');
  const tookMs = await w.until('we plan for its pool', () => claimsOf(w, 'general').length > 0);
  t.ok(tookMs <= 20 * second, `${tookMs} ms`);
  await w.until('its pods run', () => running(w, 'general') === 10);
  checkEnd(t, w);
});

t.test('a Karpenter that comes back has its pools back within seconds', async (t) => {
  const { w, karpenter } = setUp(3);
  const replica = await w.startReplica('one');
  submit(w, 'general', 30 * minute);
  submit(w, 'moved', 30 * minute);
  await w.until('all run', () => running(w, 'general') === 10 && running(w, 'moved') === 10);
  await w.clock.advance(minute);
  karpenter.lead();
  await w.clock.advance(4 * second);
  const [claim] = claimsOf(w, 'general');
  if (claim === undefined) throw new Error('there is no claim');
  // Both ways in which nodes of ours end: the one is Karpenter's to see through, the other ours.
  deleteObject(w.cluster, 'NodeClaim', claim.metadata);
  const [ours] = claimsOf(w, 'moved');
  if (ours === undefined) throw new Error('there is no claim of ours');
  deleteObject(w.cluster, 'NodeClaim', ours.metadata);
  const before = theirs(w);
  const nodeName = claim.status?.nodeName ?? '';
  await w.until('our node has ended', () => {
    return w.cluster.get('NodeClaim', ours.metadata) === undefined;
  });
  await w.clock.advance(10 * minute);
  t.strictSame(theirs(w), before, 'nothing was written');
  const left = w.cluster.get('NodeClaim', { name: claim.metadata.name });
  t.match(left, { metadata: { finalizers: ['karpenter.sh/termination'] } });
  t.equal(w.cluster.get('Node', { name: nodeName })?.metadata.deletionTimestamp, undefined);
  t.strictSame(w.cluster.get('Node', { name: nodeName })?.spec?.taints ?? [], []);
  const id = claim.status?.providerID?.split('/').at(-1) ?? '';
  t.equal(w.engine.instances.get(id)?.state, 'running');
  t.equal(replica.service.isLeader, true);
  karpenter.release();
  await w.until('what it left unfinished is ended by us', () => {
    return w.cluster.get('NodeClaim', { name: claim.metadata.name }) === undefined;
  });
  checkEnd(t, w);
});

t.test('nodes on their way when a Karpenter comes back are opened to their pods', async (t) => {
  const { w, karpenter } = setUp(4);
  await w.startReplica('one');
  submit(w, 'general');
  await w.until('instances are launched', () => {
    const claims = claimsOf(w, 'general');
    return claims.length > 0 && claims.every((claim) => isTrue(claim, 'Launched'));
  });
  karpenter.lead();
  await w.clock.advance(3 * minute);
  const nodes = [...w.cluster.all('Node')].filter(({ metadata }) => isOn(metadata, 'general'));
  t.ok(nodes.length > 0);
  for (const node of nodes) {
    t.equal(node.metadata.labels?.['karpenter.sh/registered'], undefined, 'we register none of it');
    registerAsKarpenter(w, node);
  }
  await w.until('its pods run', () => running(w, 'general') === 10, 10 * minute);
  for (const { metadata } of nodes) {
    const taints = w.cluster.get('Node', metadata)?.spec?.taints ?? [];
    t.notOk(taints.some(({ key }) => key === 'stowage.dev/reserved'));
  }
  checkEnd(t, w);
});

/** The node's taints are those of the claim, the reserved one among them. */
function registerAsKarpenter({ cluster }: WholeWorld, node: Live<'Node'>): void {
  const claim = [...cluster.all('NodeClaim')].find(
    ({ status }) => status?.providerID === node.spec?.providerID,
  );
  if (claim === undefined) throw new Error('there is no claim');
  const { name } = node.metadata;
  cluster.patch('Node', { name }, { type: 'json', operations: registrationPatch(node, claim) });
  const conditions = [
    ...(claim.status?.conditions ?? []).filter(({ type }) => type === 'Launched'),
    ...['Registered', 'Initialized'].map((type) => ({ type, status: 'True' as const })),
  ];
  cluster.patch(
    'NodeClaim',
    claim.metadata,
    { type: 'merge', body: { status: { nodeName: name, conditions } } },
    { subresource: 'status' },
  );
}

t.test('where Stowage replaces Karpenter no Lease is looked at', async (t) => {
  const { w, karpenter } = setUp(5);
  karpenter.lead();
  const replica = await w.startReplica('one', { settings: { sideBySide: 'replace' } });
  submit(w, 'general');
  await w.until('its pods run', () => running(w, 'general') === 10);
  t.equal(replica.service.isLeader, true);
  checkEnd(t, w);
});
