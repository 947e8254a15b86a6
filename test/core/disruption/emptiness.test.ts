// Emptiness: which nodes may go because no pod needs them.

import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { NodePool } from '../../../core/api/nodepool.ts';
import { type EmptinessFacts, emptinessOf } from '../../../core/disruption/emptiness.ts';
import { countPoolNodes } from '../../../core/disruption/pool-nodes.ts';
import { reservationRecord } from '../../../core/scheduling/reservation-record.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { livePod } from '../../support/live-pods.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
const meta = (name: string) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: '2026-03-01T00:00:00Z',
});
const iso = (ms: number): string => new Date(ms).toISOString();

const pool: NodePool = {
  apiVersion: 'karpenter.sh/v1',
  kind: 'NodePool',
  metadata: { name: 'general' },
  spec: {
    template: { spec: { requirements: [], nodeClassRef } },
    disruption: { consolidateAfter: '30s' },
  },
};

function claim(
  initializedMs = nowMs - 3_600_000,
  annotations: Record<string, string> = {},
): Live<'NodeClaim'> {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { ...meta('a'), annotations },
    spec: { nodeClassRef, requirements: [] },
    status: {
      conditions: [{ type: 'Initialized', status: 'True', lastTransitionTime: iso(initializedMs) }],
    },
  };
}

function node(more: Partial<Live<'Node'>> = {}, ready: 'True' | 'False' = 'True'): Live<'Node'> {
  return {
    metadata: meta('node-1'),
    spec: {},
    status: { conditions: [{ type: 'Ready', status: ready }] },
    ...more,
  };
}

function facts(more: Partial<EmptinessFacts> = {}, pods: readonly LivePod[] = []): EmptinessFacts {
  return {
    claim: claim(),
    pool,
    node: node(),
    pods: new Map(pods.map((pod) => [pod.uid, pod])),
    isUnbound: () => false,
    isNominated: () => false,
    budgets: [],
    ...more,
  };
}

const stateOf = (more: Partial<EmptinessFacts>, pods?: readonly LivePod[]): string =>
  emptinessOf(facts(more, pods), nowMs).state;

t.test('a node is empty when nobody on it would need another place', async (t) => {
  const pods = [
    livePod('daemon', { owner: 'DaemonSet' }),
    livePod('static', { owner: 'Node' }),
    livePod('done', { status: { phase: 'Succeeded' } }),
    livePod('leaving', { deletionMs: nowMs }),
  ];
  t.equal(stateOf({}, pods), 'empty');
  t.equal(stateOf({}, [...pods, livePod('work')]), 'kept');
  const ending = livePod('s', { owner: 'StatefulSet', deletionMs: nowMs });
  t.same(emptinessOf(facts({}, [ending]), nowMs), { state: 'kept', untilMs: nowMs + 5_000 });
});

t.test('it must have been quiet, and usable, for a while', async (t) => {
  const young = { claim: claim(nowMs - 20_000) };
  t.same(emptinessOf(facts(young), nowMs), { state: 'kept', untilMs: nowMs + 10_000 });
  const atOnce: NodePool = { ...pool, spec: { ...pool.spec, disruption: {} } };
  t.same(emptinessOf(facts({ claim: claim(nowMs - 5_000), pool: atOnce }), nowMs), {
    state: 'kept',
    untilMs: nowMs + 10_000,
  });
  t.equal(stateOf({ claim: claim(nowMs - 15_000), pool: atOnce }), 'empty');
});

t.test('pools that never consolidate and static ones keep their nodes', async (t) => {
  const never: NodePool = {
    ...pool,
    spec: { ...pool.spec, disruption: { consolidateAfter: 'Never' } },
  };
  t.same(emptinessOf(facts({ pool: never }), nowMs), { state: 'kept', untilMs: Infinity });
  t.equal(stateOf({ pool: { ...pool, spec: { ...pool.spec, replicas: 2 } } }), 'kept');
});

t.test('what leaves already, or has no node, is not judged', async (t) => {
  const deletionTimestamp = iso(nowMs);
  const leaving = { ...claim(), metadata: { ...meta('a'), deletionTimestamp } };
  t.equal(stateOf({ claim: leaving }), 'kept');
  t.equal(stateOf({ node: undefined }), 'kept');
  t.equal(stateOf({ node: node({ metadata: { ...meta('n'), deletionTimestamp } }) }), 'kept');
  const taints = [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' as const }];
  t.equal(stateOf({ node: node({ spec: { taints } }) }), 'kept');
});

t.test('pods that are on their way keep the node', async (t) => {
  const reserved = (expiresAtMs: number) =>
    claim(nowMs - 3_600_000, {
      'stowage.dev/reservation': reservationRecord({
        owners: new Set(['p']),
        expiresAtMs,
        fence: 'binding',
      }),
    });
  const isUnbound = (uid: string): boolean => uid === 'p';
  t.equal(stateOf({ claim: reserved(nowMs + 60_000), isUnbound }), 'kept');
  t.equal(stateOf({ claim: reserved(nowMs + 60_000) }), 'empty', 'they went elsewhere');
  t.equal(stateOf({ claim: reserved(nowMs - 1), isUnbound }), 'empty', 'they did not come in time');
  t.equal(stateOf({ isNominated: (name) => name === 'node-1' }), 'kept');
  const taints = [{ key: 'stowage.dev/reserved', effect: 'NoSchedule' as const }];
  const fenced = node({ spec: { taints } });
  t.same(emptinessOf(facts({ claim: reserved(nowMs + 60_000), node: fenced }), nowMs), {
    state: 'kept',
    untilMs: nowMs + 60_000,
  });
  t.equal(
    stateOf({ node: fenced }),
    'empty',
    'a fence that nobody takes down does not hold for ever',
  );
  t.equal(stateOf({ node: fenced, claim: claim(nowMs - 60_000) }), 'kept');
});

t.test('who asks that the node stays is heard', async (t) => {
  const annotations = { 'karpenter.sh/do-not-disrupt': 'true' };
  t.equal(stateOf({ node: node({ metadata: { ...meta('n'), annotations } }) }), 'held');
  t.equal(stateOf({ claim: claim(nowMs - 3_600_000, annotations) }), 'held');
  const daemon = livePod('d', { owner: 'DaemonSet', annotations });
  t.match(emptinessOf(facts({}, [daemon]), nowMs), { state: 'held', reason: /default\/d/ });
  const forATime = livePod('d', {
    owner: 'DaemonSet',
    annotations: { 'karpenter.sh/do-not-disrupt': '1h' },
    startedMs: nowMs - 1_800_000,
  });
  t.match(emptinessOf(facts({}, [forATime]), nowMs), { state: 'held', untilMs: nowMs + 1_800_000 });
  t.equal(stateOf({}, [livePod('gone', { annotations, deletionMs: nowMs })]), 'empty');
});

t.test('budgets of DaemonSet pods hold the node too', async (t) => {
  const budget = (name: string, disruptionsAllowed: number): Live<'PodDisruptionBudget'> => ({
    metadata: { ...meta(name), namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'd' } } },
    status: { disruptionsAllowed },
  });
  const daemon = livePod('d', { owner: 'DaemonSet', labels: { app: 'd' } });
  t.match(emptinessOf(facts({ budgets: [budget('b', 0)] }, [daemon]), nowMs), {
    state: 'held',
    reason: /default\/b/,
  });
  t.equal(stateOf({ budgets: [budget('b', 1)] }, [daemon]), 'empty');
  t.equal(stateOf({ budgets: [budget('b', 1), budget('c', 1)] }, [daemon]), 'held');
  const stays = livePod('d', {
    owner: 'DaemonSet',
    labels: { app: 'd' },
    spec: { tolerations: [{ operator: 'Exists' }] },
  });
  t.equal(stateOf({ budgets: [budget('b', 0)] }, [stays]), 'empty', 'it is never evicted');
  const always = budget('b', 0);
  always.spec.unhealthyPodEvictionPolicy = 'AlwaysAllow';
  t.equal(stateOf({ budgets: [always] }, [daemon]), 'empty', 'it is not ready');
});

t.test('budgets of pools count usable nodes, and those that leave or are not ready', async (t) => {
  const ended = claim();
  ended.status?.conditions?.push({ type: 'InstanceTerminating', status: 'True' });
  const young = { ...claim(), status: { conditions: [] } };
  const counted = countPoolNodes([
    { claim: claim(), node: node(), isChosen: false },
    { claim: claim(), node: node(), isChosen: true },
    { claim: claim(), node: node({}, 'False'), isChosen: false },
    {
      claim: { ...claim(), metadata: { ...meta('a'), deletionTimestamp: iso(nowMs) } },
      node: node(),
      isChosen: false,
    },
    { claim: ended, node: node(), isChosen: false },
    { claim: young, node: node(), isChosen: false },
    { claim: claim(), node: undefined, isChosen: false },
  ]);
  t.same(counted, { total: 4, disrupted: 3 });
});
