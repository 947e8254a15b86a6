/** Why pods wait, and how they are put together. */
import t from 'tap';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { PendingBoard } from '../../../extender/dashboard/pending-board.ts';
import { pendingClassesMax } from '../../../extender/dashboard/state.ts';
import { type ComingNode, waitingOf } from '../../../extender/dashboard/waiting.ts';

const spec = { containers: [{ name: 'main', resources: { requests: { cpu: '500m' } } }] };

function pod(changes: Partial<LivePod> = {}): LivePod {
  return {
    namespace: 'shop',
    name: 'web-0',
    uid: 'u0',
    resourceVersion: '1',
    labels: {},
    annotations: {},
    spec,
    nodeName: '',
    phase: 'Pending',
    failedReason: '',
    ownerKind: 'StatefulSet',
    owner: undefined,
    createdMs: 1_000,
    priority: 0,
    unscheduledReason: 'Unschedulable',
    unscheduledSinceMs: 2_000,
    isGated: false,
    nominatedNodeName: '',
    deletionMs: 0,
    isReady: false,
    startedMs: 0,
    generation: 1,
    ...changes,
  };
}

const booting: ComingNode = { step: 'booting', trouble: '', expectedMs: 9_000 };
const decided = (outcome: string, reason = 'a reason', timeMs = 5_000) => ({
  outcome,
  reason,
  timeMs,
});

t.test('what is happening goes before what was decided', async (t) => {
  t.match(waitingOf(pod({ isGated: true }), booting, decided('unschedulable')), { state: 'gated' });
  t.strictSame(waitingOf(pod(), booting, decided('unschedulable')), {
    state: 'coming',
    reason: 'Its node is booting',
    expectedMs: 9_000,
  });
  t.match(waitingOf(pod({ nominatedNodeName: 'n1' }), undefined, decided('planned')), {
    state: 'preempting',
    reason: /n1$/,
  });
});

t.test('a node in trouble is told of with its trouble', async (t) => {
  const failing: ComingNode = { step: 'launching', trouble: 'no capacity', expectedMs: null };
  t.match(waitingOf(pod(), failing, undefined), {
    reason: 'Its node is being launched: no capacity',
  });
});

t.test('a decision gives the reason, and its outcome the state', async (t) => {
  t.match(waitingOf(pod(), undefined, decided('unschedulable')), {
    state: 'stuck',
    reason: 'a reason',
  });
  t.match(waitingOf(pod(), undefined, decided('planned', 'on nodeclaim/x')), {
    state: 'coming',
    reason: 'A node was planned for it',
  });
  t.match(waitingOf(pod(), undefined, decided('ignored')), { state: 'queued', reason: 'a reason' });
});

t.test('a pod left to its scheduler is new until that has tried it', async (t) => {
  const untried = pod({ unscheduledReason: '', unscheduledSinceMs: 0 });
  const left = decided('waiting', 'its scheduler has not tried it yet', 1_500);
  t.match(waitingOf(untried, undefined, left), { state: 'new', reason: left.reason });
  t.match(waitingOf(pod(), undefined, left), {
    state: 'queued',
    reason: 'No node has room; it waits for the next plan',
  });
});

t.test('pods of one workload and one reason are one class, told by its oldest', async (t) => {
  const board = new PendingBoard();
  const waiting = { state: 'coming', reason: 'booting', expectedMs: 9_000 } as const;
  board.put(pod(), waiting);
  board.put(pod({ uid: 'u1', name: 'web-1', createdMs: 500 }), { ...waiting, expectedMs: 12_000 });
  board.put(pod({ uid: 'u2', name: 'web-2' }), {
    state: 'stuck',
    reason: 'too large',
    expectedMs: null,
  });
  const first = board.overview();
  t.strictSame(first.classes, [
    {
      workload: 'shop/web',
      state: 'stuck',
      reason: 'too large',
      pods: 1,
      asks: 'cpu 0.5',
      oldestMs: 1_000,
      expectedMs: null,
      example: 'shop/web-2',
    },
    {
      workload: 'shop/web',
      state: 'coming',
      reason: 'booting',
      pods: 2,
      asks: 'cpu 0.5',
      oldestMs: 500,
      expectedMs: 12_000,
      example: 'shop/web-1',
    },
  ]);
  t.equal(board.overview(), first, 'nothing has changed');
  board.put(pod({ uid: 'u2', name: 'web-2' }), waiting);
  t.match(board.overview().classes, [{ pods: 3 }]);
  for (const uid of ['u0', 'u1', 'u2', 'u2']) board.delete(uid);
  t.strictSame(board.overview(), { classes: [], elsewhere: 0 });
  t.equal(board.count, 0);
});

t.test('more classes than fit are counted together', async (t) => {
  const board = new PendingBoard();
  for (let index = 0; index < pendingClassesMax + 5; index += 1) {
    board.put(pod({ uid: `u${index}` }), {
      state: 'stuck',
      reason: `reason ${index}`,
      expectedMs: null,
    });
  }
  const { classes, elsewhere } = board.overview();
  t.equal(classes.length, pendingClassesMax);
  t.equal(elsewhere, 5);
});
