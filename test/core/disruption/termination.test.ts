// How far the end of a node has come, and until when it may take.

import t from 'tap';
import type { Condition } from '../../../core/api/kubernetes.ts';
import type { NodeClaim } from '../../../core/api/nodeclaim.ts';
import {
  deadlineOf,
  deadlineToSet,
  terminationStep,
} from '../../../core/disruption/termination.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

function claim(
  conditions: Condition[] = [],
  metadata: Partial<NodeClaim['metadata']> = {},
  spec: Partial<NodeClaim['spec']> = {},
): NodeClaim {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { name: 'a', ...metadata },
    spec: { nodeClassRef, requirements: [], ...spec },
    status: { conditions },
  };
}

const drainingSince = (ms: number): Condition => ({
  type: 'Drained',
  status: 'Unknown',
  reason: 'Draining',
  lastTransitionTime: new Date(ms).toISOString(),
});
const quiet = { podsWaiting: 0, attachmentsAwaited: 0, deadlineMs: undefined };

t.test('a drain is announced once and goes on while pods are there', async (t) => {
  const first = terminationStep({ ...quiet, claim: claim(), podsWaiting: 3 }, nowMs);
  t.match(first, { stage: 'draining', conditions: [{ type: 'Drained', status: 'Unknown' }] });
  const known = claim([drainingSince(nowMs - 60_000)]);
  const next = terminationStep({ ...quiet, claim: known, podsWaiting: 3 }, nowMs);
  t.strictSame([next.stage, next.conditions.length], ['draining', 0]);
});

t.test('an empty node is watched for five seconds: its taint may not be known yet', async (t) => {
  t.equal(terminationStep({ ...quiet, claim: claim() }, nowMs).stage, 'settling');
  const young = claim([drainingSince(nowMs - 4_999)]);
  t.equal(terminationStep({ ...quiet, claim: young }, nowMs).stage, 'settling');
  const old = terminationStep({ ...quiet, claim: claim([drainingSince(nowMs - 5_000)]) }, nowMs);
  t.match(old, {
    stage: 'ending',
    conditions: [
      { type: 'Drained', status: 'True' },
      { type: 'VolumesDetached', status: 'True' },
    ],
  });
});

t.test('volumes are waited for until the deadline', async (t) => {
  const drained = claim([{ type: 'Drained', status: 'True' }]);
  const facts = { ...quiet, claim: drained, attachmentsAwaited: 1 };
  t.match(terminationStep(facts, nowMs), {
    stage: 'detaching',
    conditions: [
      {},
      { type: 'VolumesDetached', status: 'Unknown', reason: 'AwaitingVolumeDetachment' },
    ],
  });
  t.equal(terminationStep({ ...facts, deadlineMs: nowMs }, nowMs).stage, 'detaching');
  t.match(terminationStep({ ...facts, deadlineMs: nowMs - 1 }, nowMs), {
    stage: 'ending',
    conditions: [{}, { status: 'False', reason: 'TerminationGracePeriodElapsed' }],
  });
});

t.test('a node without claim is drained all the same', async (t) => {
  const facts = { ...quiet, claim: undefined };
  t.match(terminationStep({ ...facts, podsWaiting: 1 }, nowMs), {
    stage: 'draining',
    conditions: [],
  });
  t.equal(terminationStep(facts, nowMs).stage, 'ending');
});

t.test('the deadline counts from the deletion, and one that is set stays', async (t) => {
  const deletionTimestamp = '2026-03-01T12:00:00Z';
  const spec = { terminationGracePeriod: '1h30m' };
  t.equal(deadlineToSet(claim([], { deletionTimestamp }, spec)), '2026-03-01T13:30:00Z');
  t.equal(deadlineToSet(claim([], {}, spec)), undefined);
  t.equal(deadlineToSet(claim([], { deletionTimestamp })), undefined);
  const annotations = { 'karpenter.sh/nodeclaim-termination-timestamp': '2026-03-01T12:00:10Z' };
  const earlier = claim([], { deletionTimestamp, annotations }, spec);
  t.equal(deadlineToSet(earlier), undefined);
  t.equal(deadlineOf(earlier), nowMs + 10_000);
  t.equal(deadlineOf(undefined), undefined);
  const unreadable = { 'karpenter.sh/nodeclaim-termination-timestamp': 'soon' };
  t.equal(deadlineOf(claim([], { annotations: unreadable })), undefined);
});
