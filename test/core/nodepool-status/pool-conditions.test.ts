/** The conditions of a NodePool: what each says, and what they sum up to. */
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import type { Condition } from '../../../core/api/kubernetes.ts';
import { poolConditions } from '../../../core/nodepool-status/pool-conditions.ts';
import {
  isOutdated,
  outcomesBefore,
  registrationHealth,
  withOutcome,
} from '../../../core/nodepool-status/registration-health.ts';
import { poolOf } from '../../support/cluster-builders.ts';

function nodeClass(ready?: Partial<Condition>, metadata: EC2NodeClass['metadata'] = {}) {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', ...ready }];
  return { metadata: { name: 'default', ...metadata }, status: { conditions } } as EC2NodeClass;
}

const pool = poolOf('general');
const isReady = nodeClass({ status: 'True' });

t.test('a valid pool with a ready node class is Ready', async (t) => {
  t.strictSame(poolConditions(pool, isReady), [
    { type: 'ValidationSucceeded', status: 'True' },
    { type: 'NodeClassReady', status: 'True' },
    { type: 'Ready', status: 'True' },
  ]);
});

const cases = [
  { name: 'missing', found: undefined, status: 'False', reason: 'NodeClassNotFound' },
  {
    name: 'going',
    found: nodeClass({ status: 'True' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    status: 'False',
    reason: 'NodeClassTerminating',
  },
  {
    name: 'not ready',
    found: nodeClass({ status: 'False', message: 'no subnets' }),
    status: 'False',
    reason: 'NodeClassNotReady',
    message: 'no subnets',
  },
  { name: 'new', found: nodeClass(), status: 'Unknown', reason: 'NodeClassReadinessUnknown' },
];
for (const { name, found, ...expected } of cases) {
  t.test(`a node class that is ${name} keeps the pool from being Ready`, async (t) => {
    const [, ofClass, ready] = poolConditions(pool, found);
    t.match(ofClass, { type: 'NodeClassReady', ...expected });
    t.match(ready, {
      status: expected.status,
      reason: expected.status === 'False' ? 'UnhealthyDependents' : 'ReconcilingDependents',
      message: `NodeClassReady=${expected.status}`,
    });
  });
}

t.test('an invalid pool says what is wrong with it, but not at any length', async (t) => {
  const labels = Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((n) => [`karpenter.sh/x${n}`, 'y']));
  const [validation, , ready] = poolConditions(poolOf('bad', { labels }), undefined);
  t.match(validation, { status: 'False', reason: 'NodePoolValidationFailed' });
  t.match(
    validation?.message,
    /^spec\.template\.metadata\.labels\["karpenter\.sh\/x1"\].*; and 2 more$/,
  );
  t.equal(ready?.message, 'ValidationSucceeded=False, NodeClassReady=False');
});

t.test('half of the last four failing is unhealthy', async (t) => {
  const statusAfter = (...outcomes: readonly boolean[]) =>
    registrationHealth(outcomes.reduce(withOutcome, [] as readonly boolean[])).status;
  t.equal(statusAfter(), 'Unknown');
  t.equal(statusAfter(true), 'True');
  t.equal(statusAfter(false), 'True', 'one failure may be chance');
  t.equal(statusAfter(false, false), 'False');
  t.equal(statusAfter(false, true, true, false), 'False');
  t.equal(statusAfter(false, false, true, true, true), 'True', 'only the last four count');
});

t.test('a start without memory goes on from the condition', async (t) => {
  const saying = (status: Condition['status']) =>
    poolOf('p', { status: { conditions: [{ type: 'NodeRegistrationHealthy', status }] } });
  for (const status of ['True', 'False', 'Unknown'] as const) {
    t.equal(registrationHealth(outcomesBefore(saying(status))).status, status);
  }
  t.strictSame(outcomesBefore(poolOf('p')), []);
});

t.test('a changed pool or node class is given another chance', async (t) => {
  const told = (observedGeneration: number, nodeClassObservedGeneration: number) =>
    poolOf('p', {
      metadata: { name: 'p', generation: 2 },
      status: {
        nodeClassObservedGeneration,
        conditions: [
          { type: 'NodeRegistrationHealthy', status: 'False' as const, observedGeneration },
        ],
      },
    });
  const found = nodeClass({}, { generation: 5 });
  t.equal(isOutdated(told(2, 5), found), false);
  t.equal(isOutdated(told(1, 5), found), true);
  t.equal(isOutdated(told(2, 4), found), true);
  t.equal(isOutdated(told(2, 4), undefined), false, 'a missing class tells nothing');
  t.equal(isOutdated(poolOf('p'), found), true);
});
