// The three steps of a NodeClaim and what they sum up to.

import * as fc from 'fast-check';
import t from 'tap';
import { type ConditionUpdate, withConditions } from '../../../core/api/conditions.ts';
import type { Condition } from '../../../core/api/kubernetes.ts';
import { readinessUpdates } from '../../../core/lifecycle/readiness.ts';

const steps = ['Launched', 'Registered', 'Initialized'];

function after(conditions: readonly Condition[], updates: readonly ConditionUpdate[]) {
  const claim = { status: { conditions } };
  return withConditions(conditions, readinessUpdates(claim, updates), 1, 0);
}

function statusOf(conditions: readonly Condition[], wanted: string): string | undefined {
  return conditions.find(({ type }) => type === wanted)?.status;
}

t.test('a claim is ready when all three steps are taken', async (t) => {
  let conditions: readonly Condition[] = [];
  for (const type of steps) {
    t.not(statusOf(conditions, 'Ready'), 'True');
    conditions = after(conditions, [{ type, status: 'True' }]);
  }
  t.equal(statusOf(conditions, 'Ready'), 'True');
});

t.test('what is open is named', async (t) => {
  const ready = (updates: readonly ConditionUpdate[]) => readinessUpdates({}, updates).at(-1);
  t.match(ready([{ type: 'Launched', status: 'True' }]), {
    type: 'Ready',
    status: 'Unknown',
    reason: 'ReconcilingDependents',
    message: 'Registered=Unknown, Initialized=Unknown',
  });
  t.match(ready([{ type: 'Launched', status: 'False' }]), {
    status: 'False',
    reason: 'UnhealthyDependents',
    message: 'Launched=False, Registered=Unknown, Initialized=Unknown',
  });
});

t.test('whatever comes in whatever order, no step is taken back', async () => {
  const update = fc.record({
    type: fc.constantFrom(...steps, 'Other'),
    status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
  });
  const updates = fc.uniqueArray(update, { selector: ({ type }) => type, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(updates, { maxLength: 8 }), (rounds) => {
      let conditions: readonly Condition[] = [];
      for (const round of rounds) {
        const next = after(conditions, round);
        const taken = steps.filter((step) => statusOf(conditions, step) === 'True');
        if (taken.some((step) => statusOf(next, step) !== 'True')) return false;
        const isAll = steps.every((step) => statusOf(next, step) === 'True');
        if ((statusOf(next, 'Ready') === 'True') !== isAll) return false;
        conditions = next;
      }
      return true;
    }),
  );
});
