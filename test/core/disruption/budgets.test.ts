// Disruption budgets: how many nodes of a pool may go at once.

import t from 'tap';
import type { DisruptionBudget, NodePool } from '../../../core/api/nodepool.ts';
import { allowedDisruptions, disruptionsLeft } from '../../../core/disruption/budgets.ts';

const always = () => true;

function pool(budgets: DisruptionBudget[] | undefined): NodePool {
  const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'general' },
    spec: {
      template: { spec: { requirements: [], nodeClassRef } },
      disruption: budgets === undefined ? {} : { budgets },
    },
  };
}

t.test('percentages round up, counts are taken as they are', async (t) => {
  t.equal(allowedDisruptions(pool([{ nodes: '10%' }]), 'Empty', 11, always), 2);
  t.equal(allowedDisruptions(pool([{ nodes: '10%' }]), 'Empty', 10, always), 1);
  t.equal(allowedDisruptions(pool([{ nodes: '100%' }]), 'Empty', 7, always), 7);
  t.equal(allowedDisruptions(pool([{ nodes: '0' }]), 'Empty', 7, always), 0);
  t.equal(allowedDisruptions(pool([{ nodes: '3' }]), 'Empty', 1, always), 3);
});

t.test('a pool that says nothing allows a tenth; an empty list allows everything', async (t) => {
  t.equal(allowedDisruptions(pool(undefined), 'Empty', 30, always), 3);
  t.equal(allowedDisruptions(pool([]), 'Empty', 30, always), Infinity);
});

t.test('the smallest active budget of the reason counts', async (t) => {
  const budgets: DisruptionBudget[] = [
    { nodes: '5' },
    { nodes: '2', reasons: ['Empty'] },
    { nodes: '0', reasons: ['Drifted'] },
    { nodes: '1', schedule: '@daily', duration: '1h' },
  ];
  const open = ({ schedule }: DisruptionBudget) => schedule === undefined;
  t.equal(allowedDisruptions(pool(budgets), 'Empty', 10, open), 2);
  t.equal(allowedDisruptions(pool(budgets), 'Underutilized', 10, open), 5);
  t.equal(allowedDisruptions(pool(budgets), 'Drifted', 10, open), 0);
  t.equal(allowedDisruptions(pool(budgets), 'Empty', 10, always), 1);
});

t.test('a schedule that cannot be read allows nothing', async (t) => {
  const unreadable: DisruptionBudget[] = [{ nodes: '5', schedule: '61 * * * *', duration: '1h' }];
  t.equal(
    allowedDisruptions(pool(unreadable), 'Empty', 10, () => undefined),
    0,
  );
});

t.test('nodes that leave already count against the budget', async (t) => {
  const three = pool([{ nodes: '3' }]);
  t.equal(disruptionsLeft(three, 'Empty', { total: 10, disrupted: 2 }, always), 1);
  t.equal(disruptionsLeft(three, 'Empty', { total: 10, disrupted: 5 }, always), 0);
  t.equal(disruptionsLeft(pool([]), 'Empty', { total: 10, disrupted: 5 }, always), Infinity);
});
