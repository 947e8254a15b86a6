// NodeClaims from their creation until their node is ready, in the simulated world.

import t from 'tap';
import { conditionOf, isTrue } from '../../../../core/api/conditions.ts';
import type { Live } from '../../../../core/api/kinds.ts';
import type { CloudProvider } from '../../../../core/cloud-port.ts';
import { annotationOfferings } from '../../../../core/scheduling/claim-offerings.ts';
import {
  annotationReservation,
  reservationRecord,
} from '../../../../core/scheduling/reservation-record.ts';
import {
  claimControllers,
  claimWorld,
  draftClaim,
  onDemand,
} from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;
const unregistered = { key: 'karpenter.sh/unregistered', effect: 'NoExecute' } as const;
const reserved = { key: 'stowage.dev/reserved', effect: 'NoSchedule' } as const;

t.test('a claim becomes a node that is registered, labelled, held and initialized', async (t) => {
  const w = claimWorld('life');
  const process = await startControllers(w, 'one', { start: claimControllers });
  const planned = { 'karpenter.k8s.aws/instance-local-nvme': '118', example: 'yes' };
  w.cluster.create('NodeClaim', draftClaim('a', { labels: planned }));
  const taints: string[] = [];
  w.cluster.listen('Node', ({ object }) => {
    const keys = (object.spec?.taints ?? []).map(({ key }) => key);
    taints.push(keys.filter((key) => !key.startsWith('node.kubernetes.io/')).join());
  });
  await w.clock.advance(3 * minute);
  const claim = w.claim('a');
  const [node] = [...w.cluster.all('Node')];
  if (claim === undefined || node === undefined) throw new Error('there is no node');
  t.strictSame(
    claim.status?.conditions?.map(({ type, status }) => `${type}=${status}`).toSorted(),
    [
      'ConsistentStateFound=True',
      'Initialized=True',
      'Launched=True',
      'Ready=True',
      'Registered=True',
    ],
  );
  t.match(claim.status, {
    nodeName: node.metadata.name,
    providerID: node.spec?.providerID,
    imageID: /^ami-/,
    capacity: { cpu: '8' },
    allocatable: node.status?.allocatable,
  });
  const labels = {
    'karpenter.sh/nodepool': 'general',
    'karpenter.sh/capacity-type': 'on-demand',
    'node.kubernetes.io/instance-type': 'm7i.2xlarge',
    'karpenter.k8s.aws/instance-cpu': '8',
    'topology.kubernetes.io/region': 'us-east-1',
    team: 'red',
    example: 'yes',
  };
  t.match(claim.metadata.labels, labels);
  t.notOk(claim.metadata.labels?.['karpenter.k8s.aws/instance-local-nvme'], 'it has no such disk');
  const marks = { 'karpenter.sh/registered': 'true', 'karpenter.sh/initialized': 'true' };
  t.match(node.metadata.labels, { ...labels, ...marks });
  t.strictSame(node.metadata.finalizers, ['karpenter.sh/termination']);
  t.match(node.metadata.ownerReferences, [
    { kind: 'NodeClaim', name: 'a', uid: claim.metadata.uid, blockOwnerDeletion: true },
  ]);
  t.notOk(node.metadata.annotations?.[annotationReservation], 'reservations stay on the claim');
  t.strictSame(
    [...new Set(taints)],
    [`${reserved.key},${unregistered.key}`, reserved.key],
    'it is never open before it is recognised, and held afterwards',
  );
  t.strictSame(
    process.decisions.map(({ outcome }) => outcome),
    ['launched', 'registered', 'initialized'],
  );
  t.strictSame(process.events, []);
  const text = await process.context.metrics.registry.metrics();
  t.match(text, 'karpenter_nodes_created_total{nodepool="general",zone="us-east-1a"} 1');
  t.match(text, /status_condition_count\{type="Ready",status="True",reason="Ready"\} 1/);
  for (const condition of ['Launched', 'Registered', 'Initialized']) {
    t.match(text, `step_duration_seconds_count{nodepool="general",condition="${condition}"} 1`);
  }
  t.strictSame(w.invariants.violations, []);
  t.strictSame(process.failures, []);
});

t.test('startup taints hold initialization until somebody takes them away', async (t) => {
  const w = claimWorld('startup');
  await startControllers(w, 'one', { start: claimControllers });
  const startupTaints = [{ key: 'example.com/agent', effect: 'NoExecute' as const, value: 'wait' }];
  w.cluster.create('NodeClaim', draftClaim('a', { spec: { startupTaints } }));
  await w.clock.advance(3 * minute);
  t.match(conditionOf(w.claim('a') ?? {}, 'Initialized'), {
    status: 'Unknown',
    reason: 'StartupTaintsExist',
    message: 'StartupTaint "example.com/agent=wait:NoExecute" still exists',
  });
  t.match(conditionOf(w.claim('a') ?? {}, 'Ready'), {
    status: 'Unknown',
    reason: 'ReconcilingDependents',
    message: 'Initialized=Unknown',
  });
  const [node] = [...w.cluster.all('Node')];
  if (node === undefined) throw new Error('there is no node');
  t.match(node.spec?.taints, [reserved, ...startupTaints]);
  const body = { spec: { taints: [reserved] } };
  w.cluster.patch('Node', node.metadata, { type: 'merge', body });
  await w.clock.advance(1_000);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'), 'the reserved taint is no obstacle');
});

t.test('a device that was asked for must be allocatable first', async (t) => {
  const w = claimWorld('device');
  await startControllers(w, 'one', { start: claimControllers });
  const requests = { cpu: '1', 'nvidia.com/gpu': '1' };
  const offerings = onDemand('g5.2xlarge');
  w.cluster.create('NodeClaim', draftClaim('a', { offerings, spec: { resources: { requests } } }));
  const seen: string[] = [];
  w.cluster.listen('NodeClaim', ({ object }) => {
    const { status = '', reason = '' } = conditionOf(object, 'Initialized') ?? {};
    const [node] = [...w.cluster.all('Node')];
    seen.push(`${reason} ${status} ${node?.status?.allocatable?.['nvidia.com/gpu']}`);
  });
  await w.clock.advance(5 * minute);
  const distinct = [...new Set(seen)];
  t.ok(distinct.includes('ResourceNotRegistered Unknown 0'), distinct.join('; '));
  t.equal(distinct.at(-1), 'Initialized True 1');
});

t.test('whatever the fence, the node is held from its registration on', async (t) => {
  const w = claimWorld('fence');
  await startControllers(w, 'one', { start: claimControllers });
  const reservation = { owners: new Set(['pod-1']), expiresAtMs: 4e12, fence: 'devices' } as const;
  const annotations = { [annotationReservation]: reservationRecord(reservation) };
  w.cluster.create('NodeClaim', draftClaim('a', { annotations }));
  await w.clock.advance(2 * minute);
  const [node] = [...w.cluster.all('Node')];
  t.match(node?.metadata.labels, { 'karpenter.sh/registered': 'true' });
  t.strictSame(node?.spec?.taints, [reserved]);
});

t.test('claims of other providers are left alone', async (t) => {
  const w = claimWorld('others');
  await startControllers(w, 'one', { start: claimControllers });
  const nodeClassRef = { group: 'eks.amazonaws.com', kind: 'NodeClass', name: 'default' };
  w.cluster.create('NodeClaim', draftClaim('a', { spec: { nodeClassRef, expireAfter: '1m' } }));
  const before = w.claim('a');
  await w.clock.advance(30 * minute);
  t.strictSame(w.claim('a'), before);
  t.equal(w.engine.instances.size, 0);
});

t.test('a claim made by hand is launched by its requirements', async (t) => {
  const w = claimWorld('by hand');
  const process = await startControllers(w, 'one', { start: claimControllers });
  const { metadata, ...rest } = draftClaim('a', { offerings: onDemand('c7i.2xlarge') });
  w.cluster.create('NodeClaim', { ...rest, metadata: { name: metadata.name ?? '' } });
  await w.clock.advance(2 * minute);
  const claim = w.claim('a');
  t.ok(isTrue(claim ?? {}, 'Ready'));
  t.match(claim?.metadata.labels, { 'node.kubernetes.io/instance-type': 'c7i.2xlarge' });
  t.strictSame(claim?.metadata.finalizers, ['karpenter.sh/termination']);
  await w.clock.settle(process.ports.client.delete('NodeClaim', { name: 'a' }));
  await w.clock.advance(3 * minute);
  t.equal(w.claim('a'), undefined);
  t.equal(w.living(), 0);
});

t.test('a node that never joins is given up, and nobody waits for it', async (t) => {
  const w = claimWorld('never');
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('lost'));
  await w.clock.advance(5_000);
  const providerID = w.claim('lost')?.status?.providerID ?? '';
  t.not(providerID, '');
  // Its kubelet never starts.
  w.cluster.listen('Node', ({ type, object }) => {
    if (type === 'added' && object.spec?.providerID === providerID) {
      const { name } = object.metadata;
      w.kubelets.stop(name);
      w.clock.schedule(0, () => void remove(name));
    }
  });
  const remove = async (name: string): Promise<void> => {
    await process.ports.client.delete('Node', { name });
  };
  w.cluster.create('NodeClaim', draftClaim('good'));
  await w.clock.advance(2 * minute);
  t.ok(isTrue(w.claim('good') ?? {}, 'Ready'));
  t.notOk(isTrue(w.claim('lost') ?? {}, 'Registered'));
  await w.clock.advance(14 * minute);
  t.equal(w.claim('lost'), undefined);
  t.ok(w.claim('good'));
  t.equal(w.living(), 1);
  t.match(process.events, [{ kind: 'NodeClaim', name: 'lost', reason: 'RegistrationTimeout' }]);
});

t.test('taints are left as they came where a node asks for it', async (t) => {
  const w = claimWorld('taints');
  await startControllers(w, 'one', { start: claimControllers });
  const other = { key: 'example.com/own', effect: 'NoSchedule' } as const;
  w.cluster.listen('Node', ({ type, object }) => {
    if (type !== 'added') return;
    const body = {
      metadata: { labels: { 'karpenter.sh/do-not-sync-taints': 'true' } },
      spec: { taints: [unregistered, other] },
    };
    w.cluster.patch('Node', object.metadata, { type: 'merge', body });
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2 * minute);
  const [node] = [...w.cluster.all('Node')];
  t.strictSame(node?.spec?.taints, [other]);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
});

t.test('a node that was open before it was recognised is told of', async (t) => {
  const w = claimWorld('open');
  const process = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.listen('Node', ({ type, object }) => {
    if (type !== 'added') return;
    w.cluster.patch('Node', object.metadata, { type: 'merge', body: { spec: { taints: [] } } });
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2 * minute);
  t.match(process.events, [{ name: 'a', type: 'Warning', reason: 'UnregisteredTaintMissing' }]);
  const [node] = [...w.cluster.all('Node')];
  t.strictSame(node?.spec?.taints, [reserved], 'held from then on nevertheless');
});

t.test('a node smaller than promised is told of, and well again when it has grown', async (t) => {
  const w = claimWorld('small');
  const process = await startControllers(w, 'one', { start: claimControllers });
  const report = (node: Live<'Node'>, memory: string): void => {
    const body = { status: { capacity: { memory } } };
    w.cluster.patch('Node', node.metadata, { type: 'merge', body }, { subresource: 'status' });
  };
  w.cluster.listen('Node', ({ type, object }) => {
    if (type === 'added') report(object, '20Gi');
  });
  w.cluster.create('NodeClaim', draftClaim('a'));
  await w.clock.advance(2 * minute);
  t.match(conditionOf(w.claim('a') ?? {}, 'ConsistentStateFound'), {
    status: 'False',
    reason: 'ConsistencyCheckFailed',
    message: /^expected \S+ of resource memory, but found 20Gi \(6\d\.\d% of expected\)$/,
  });
  t.match(process.events[0], { name: 'a', reason: 'FailedConsistencyCheck' });
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
  const [node] = [...w.cluster.all('Node')];
  if (node !== undefined) report(node, '32Gi');
  await w.clock.advance(10 * minute);
  t.ok(isTrue(w.claim('a') ?? {}, 'ConsistentStateFound'));
});

t.test('launches that hang hold up no nodes that have come, and end by themselves', async (t) => {
  const w = claimWorld('hang');
  let isHanging = false;
  const process = await startControllers(w, 'one', {
    start: (context) => {
      const cloud: CloudProvider = {
        ...context.cloud,
        launch: async (request, options = {}) => {
          if (isHanging) await context.clock.sleep(3_600_000, options.signal);
          return await context.cloud.launch(request, options);
        },
      };
      return claimControllers({ ...context, cloud });
    },
  });
  w.cluster.create('NodeClaim', draftClaim('first'));
  await w.clock.advance(5_000);
  isHanging = true;
  for (let number = 0; number < 120; number += 1) {
    w.cluster.create('NodeClaim', draftClaim(`stuck-${number}`));
  }
  await w.clock.advance(115_000);
  t.ok(isTrue(w.claim('first') ?? {}, 'Ready'), 'its node came meanwhile');
  t.match(conditionOf(w.claim('stuck-0') ?? {}, 'Launched'), {
    status: 'Unknown',
    reason: 'CloudUnavailable',
    message: 'no answer within 60 s',
  });
  await w.clock.advance(4 * minute);
  const names = [...w.cluster.all('NodeClaim')].map(({ metadata }) => metadata.name);
  t.strictSame(names, ['first'], 'all others ran into the launch timeout');
  t.ok(process.events.every(({ reason }) => reason === 'LaunchTimeout'));
  t.equal(process.events.length, 120);
  t.equal(w.engine.instances.size, 1);
});

t.test('whatever is written on a claim by others stays', async (t) => {
  const w = claimWorld('others write');
  await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a'));
  const [name, own] = [{ name: 'a' }, { type: 'Example', status: 'True' as const, reason: 'Own' }];
  const conditions = [own];
  w.cluster.patch(
    'NodeClaim',
    name,
    { type: 'merge', body: { status: { conditions } } },
    { subresource: 'status' },
  );
  await w.clock.advance(2 * minute);
  t.match(conditionOf(w.claim('a') ?? {}, 'Example'), own);
  t.ok(isTrue(w.claim('a') ?? {}, 'Ready'));
  t.ok(w.claim('a')?.metadata.annotations?.[annotationOfferings]);
});
