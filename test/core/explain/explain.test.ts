/** Explanations of pods and nodes in every state, with and without a memory. */
import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { Condition } from '../../../core/api/kubernetes.ts';
import type { NodeClaim } from '../../../core/api/nodeclaim.ts';
import type { DecisionEntry, DecisionIndex } from '../../../core/explain/decisions.ts';
import { explainNode, podsNamedMax } from '../../../core/explain/explain-node.ts';
import { explainPod } from '../../../core/explain/explain-pod.ts';
import { decisionLinesMax, type ExplainFacts } from '../../../core/explain/subject.ts';
import type { DecisionRecord } from '../../../core/ports.ts';
import { offeringsRecord } from '../../../core/scheduling/claim-offerings.ts';
import { reservationRecord } from '../../../core/scheduling/reservation-record.ts';
import { ClusterStore } from '../../../core/state/store.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const nowMs = startMs + 100_000;
const at = (seconds: number): string =>
  new Date(startMs + seconds * 1_000).toISOString().replace('.000Z', 'Z');

const meta = (name: string, more: object = {}) => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: '1',
  creationTimestamp: at(0),
  ...more,
});

const offerings = [
  { instanceType: 'm7i.large', zone: 'us-east-1a', capacityType: 'spot' as const },
  { instanceType: 'c7i.xlarge', zone: 'us-east-1b', capacityType: 'spot' as const },
];

function claimOf(name: string, owners: readonly string[], status?: NodeClaim['status']) {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  const reservation = { owners: new Set(owners), expiresAtMs: nowMs + 60_000 };
  const annotations = {
    'stowage.dev/reservation': reservationRecord({ ...reservation, fence: 'binding' }),
    'stowage.dev/offerings': offeringsRecord(offerings),
  };
  const claim: Live<'NodeClaim'> = {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: meta(name, { labels: { 'karpenter.sh/nodepool': 'general' }, annotations }),
    spec: { requirements: [], nodeClassRef },
    ...(status === undefined ? {} : { status }),
  };
  return claim;
}

const isTrue = (type: string, seconds: number): Condition => ({
  type,
  status: 'True',
  lastTransitionTime: at(seconds),
});

interface PodShape {
  readonly nodeName?: string;
  readonly phase?: 'Pending' | 'Running' | 'Succeeded';
  readonly reason?: string;
  readonly gated?: boolean;
  readonly deletionTimestamp?: string;
}

function podOf(name: string, shape: PodShape = {}): Live<'Pod'> {
  const { nodeName, phase = 'Pending', reason, gated, deletionTimestamp } = shape;
  const scheduled =
    reason === undefined ? [] : [{ type: 'PodScheduled', status: 'False' as const, reason }];
  return {
    metadata: meta(name, {
      namespace: 'shop',
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    }),
    spec: {
      containers: [{ name: 'main', resources: { requests: { cpu: '500m' } } }],
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(gated === true ? { schedulingGates: [{ name: 'wait' }] } : {}),
    },
    status: { phase, conditions: scheduled },
  };
}

/** Decisions as a list, newest first. */
function remembering(...entries: readonly DecisionEntry[]): DecisionIndex {
  return {
    about: ({ kind, name }) =>
      entries.filter(({ record: { subject } }) => subject.kind === kind && subject.name === name),
    mentioning: ({ name }) => entries.filter(({ record }) => record.details?.['claim'] === name),
  };
}

function decision(outcome: string, more: Partial<DecisionRecord> = {}): DecisionEntry {
  const record: DecisionRecord = {
    timeMs: nowMs - 10_000,
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'shop', name: 'web', uid: 'uid-web' },
    outcome,
    reason: 'for a reason',
    ...more,
  };
  return { record, firstMs: record.timeMs - 5_000, count: 2 };
}

function factsOf(
  fill: (store: ClusterStore) => void,
  ...entries: readonly DecisionEntry[]
): ExplainFacts {
  const view = new ClusterStore();
  fill(view);
  const priceOf: ExplainFacts['priceOf'] = (labels) =>
    labels['node.kubernetes.io/instance-type'] === 'm7i.large' ? 41_000_000 : undefined;
  return { view, decisions: remembering(...entries), priceOf, nowMs };
}

const web = { namespace: 'shop', name: 'web' };
const planDetails = {
  claim: 'general-1',
  planUsdPerHour: 2,
  lowerBoundUsdPerHour: 1.98,
  isProven: true,
};

t.test('what is not there is not explained', async (t) => {
  const facts = factsOf(() => undefined);
  t.equal(explainPod(facts, web), undefined);
  t.equal(explainNode(facts, 'n1'), undefined);
});

const launched = claimOf('general-1', ['uid-web'], {
  providerID: 'aws:///us-east-1a/i-1',
  conditions: [
    isTrue('Launched', 66),
    { type: 'Registered', status: 'Unknown', message: 'Node not registered with cluster' },
  ],
});

t.test('a planned pod is told its claim, the price, the bound and what is missing', async (t) => {
  const facts = factsOf(
    (store) => {
      store.put('Pod', podOf('web', { reason: 'Unschedulable' }));
      store.put('NodeClaim', launched);
    },
    decision('planned', { details: planDetails }),
  );
  t.match(explainPod(facts, web), {
    kind: 'Pod',
    uid: 'uid-web',
    state: 'planned',
    summary:
      'It waits for NodeClaim general-1 (m7i.large, us-east-1a, spot): launched 34 s ago, not yet registered: Node not registered with cluster.',
    nodeName: null,
    claim: {
      name: 'general-1',
      nodePool: 'general',
      usdPerHour: 0.041,
      steps: [
        { step: 'Created', status: 'done', at: at(0) },
        { step: 'Launched', status: 'done', at: at(66) },
        { step: 'Registered', status: 'open', at: null },
        { step: 'Initialized', status: 'open', at: null, message: '' },
      ],
      alternatives: ['c7i.xlarge/us-east-1b/spot'],
      reservation: { pods: 1 },
    },
    plan: { usdPerHour: 2, lowerBoundUsdPerHour: 1.98, isProven: true },
    decisions: [{ actor: 'provisioner', outcome: 'planned', count: 2, about: 'Pod shop/web' }],
  });
  const gap = explainPod(facts, web)?.plan?.gap ?? 0;
  t.ok(Math.abs(gap - 0.01) < 1e-9, `${gap}`);
});

t.test('after a restart the claims still say whose they are', async (t) => {
  const facts = factsOf((store) => {
    store.put('Pod', podOf('web', { reason: 'Unschedulable' }));
    store.put('NodeClaim', claimOf('general-0', ['uid-other']));
    store.put('NodeClaim', launched);
  });
  t.match(explainPod(facts, web), { state: 'planned', claim: { name: 'general-1' }, plan: null });
});

t.test('a plan whose claim is gone, or given to others, is no plan', async (t) => {
  const entry = decision('planned', { details: planDetails });
  for (const claims of [[], [claimOf('general-1', ['uid-other'])]]) {
    const facts = factsOf((store) => {
      store.put('Pod', podOf('web', { reason: 'Unschedulable' }));
      for (const claim of claims) store.put('NodeClaim', claim);
    }, entry);
    t.match(explainPod(facts, web), {
      state: 'waiting',
      summary: 'It has been pending for 100 s, and the next plan decides about it.',
      claim: null,
      plan: null,
    });
  }
});

t.test('an unproven plan has no gap', async (t) => {
  const details = { ...planDetails, isProven: false };
  const facts = factsOf(
    (store) => {
      store.put('Pod', podOf('web'));
      store.put('NodeClaim', launched);
    },
    decision('planned', { details }),
  );
  t.match(explainPod(facts, web)?.plan, { gap: null, isProven: false });
});

const verdicts = {
  unschedulable: /^No node that may be launched can hold it: for a reason \(decided 10 s ago/,
  waiting: /^It waits: for a reason/,
  ignored: /^No node is planned for it: for a reason/,
  'fits-existing': /^There is room for it: for a reason/,
};
for (const [outcome, summary] of Object.entries(verdicts)) {
  t.test(`a pod that is ${outcome} is told the reason`, async (t) => {
    const facts = factsOf(
      (store) => store.put('Pod', podOf('web', { reason: 'Unschedulable' })),
      decision('released', { actor: 'binder' }),
      decision(outcome),
    );
    t.match(explainPod(facts, web), { state: outcome, summary });
  });
}

const states = [
  { shape: {}, state: 'unseen', summary: /^Its scheduler has not said/ },
  { shape: { reason: 'Unschedulable' }, state: 'waiting', summary: /next plan decides/ },
  { shape: { gated: true }, state: 'gated', summary: /^It has scheduling gates/ },
  { shape: { nodeName: 'n1' }, state: 'bound', summary: /kubelet is starting it/ },
  {
    shape: { nodeName: 'n1', phase: 'Running' },
    state: 'running',
    summary: /^It runs on node n1\.$/,
  },
  {
    shape: { nodeName: 'n1', phase: 'Succeeded' },
    state: 'ended',
    summary: /^It has ended: Succeeded\.$/,
  },
  {
    shape: { nodeName: 'n1', deletionTimestamp: at(90) },
    state: 'terminating',
    summary: /^It is being deleted from node n1\.$/,
  },
] as const;
for (const { shape, state, summary } of states) {
  t.test(`${JSON.stringify(shape)} is ${state}`, async (t) => {
    const facts = factsOf((store) => store.put('Pod', podOf('web', shape)));
    t.match(explainPod(facts, web), { state, summary });
  });
}

const node: Live<'Node'> = {
  metadata: meta('n1'),
  spec: { providerID: 'aws:///us-east-1a/i-1' },
  status: { allocatable: { cpu: '2', memory: '8Gi', pods: '10' } },
};
const joined = claimOf('general-1', ['uid-web'], {
  providerID: 'aws:///us-east-1a/i-1',
  nodeName: 'n1',
  conditions: [isTrue('Launched', 30), isTrue('Registered', 60), isTrue('Initialized', 70)],
});

t.test(
  'a node is explained by its claim, its price, the plan of its pods and its fullness',
  async (t) => {
    const facts = factsOf(
      (store) => {
        store.put('Node', node);
        store.put('NodeClaim', joined);
        store.put('Pod', podOf('web', { nodeName: 'n1', phase: 'Running' }));
      },
      decision('planned', { details: planDetails }),
      decision('ready', { actor: 'lifecycle', subject: { kind: 'NodeClaim', name: 'general-1' } }),
    );
    const explained = explainNode(facts, 'n1');
    t.match(explained, {
      name: 'n1',
      summary:
        /^m7i\.large of NodePool general for 0\.0410 USD per hour: initialized 30 s ago; held for 1 pod until/,
      claim: { name: 'general-1', nodeName: 'n1' },
      plan: { usdPerHour: 2 },
      requested: { cpu: 0.25, pods: 0.1 },
      podCount: 1,
      pods: ['shop/web'],
      decisions: [{ actor: 'lifecycle', about: 'NodeClaim general-1' }],
    });
    t.strictSame(explainNode(facts, 'general-1'), explained, 'also by the name of its claim');
    t.match(explainPod(facts, web), {
      summary: /^It runs on node n1 \(m7i\.large, us-east-1a, spot\)/,
    });
  },
);

t.test('a claim without a node is explained by whom it is for', async (t) => {
  const facts = factsOf((store) => {
    store.put('NodeClaim', launched);
    store.put('Pod', podOf('web'));
  });
  t.match(explainNode(facts, 'general-1'), {
    name: 'general-1',
    requested: null,
    pods: ['shop/web'],
  });
});

t.test(
  'a node that drains, one that is deleted, one that failed and one of others say so',
  async (t) => {
    const taint = { key: 'karpenter.sh/disrupted', effect: 'NoSchedule' as const };
    const summaryOf = (fill: (store: ClusterStore) => void, name: string) =>
      explainNode(factsOf(fill), name)?.summary;
    t.match(
      summaryOf((store) => {
        store.put('Node', { ...node, spec: { ...node.spec, taints: [taint] } });
        store.put('NodeClaim', joined);
      }, 'n1'),
      /it is being drained\.$/,
    );
    const { metadata } = launched;
    const deleted = { ...launched, metadata: { ...metadata, deletionTimestamp: at(99) } };
    t.match(
      summaryOf((store) => store.put('NodeClaim', deleted), 'general-1'),
      /being deleted/,
    );
    const message = 'every offering is dry';
    const failed = claimOf('general-1', [], {
      conditions: [{ type: 'Launched', status: 'False', message, lastTransitionTime: at(50) }],
    });
    t.match(
      summaryOf((store) => store.put('NodeClaim', failed), 'general-1'),
      /created 100 s ago, then it failed: every offering is dry/,
    );
    t.match(
      summaryOf((store) => store.put('Node', node), 'n1'),
      /^It was not launched by a NodeClaim/,
    );
  },
);

t.test('lists have an end', async (t) => {
  const many = Array.from({ length: 60 }, (_, n) =>
    decision('drained', { timeMs: startMs + n, subject: { kind: 'Node', name: 'n1' } }),
  );
  const facts = factsOf(
    (store) => {
      store.put('Node', node);
      for (let n = 0; n < 60; n += 1) store.put('Pod', podOf(`p${n}`, { nodeName: 'n1' }));
    },
    ...many,
  );
  const explained = explainNode(facts, 'n1');
  t.equal(explained?.podCount, 60);
  t.equal(explained?.pods.length, podsNamedMax);
  t.equal(explained?.decisions.length, decisionLinesMax);
  t.equal(Date.parse(explained?.decisions[0]?.at ?? ''), startMs + 59, 'the newest first');
});
