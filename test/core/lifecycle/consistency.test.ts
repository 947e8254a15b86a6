// Whether a node is as large as its NodeClaim was promised.

import t from 'tap';
import { capacityShortfalls } from '../../../core/lifecycle/consistency.ts';
import { liveClaim } from '../../support/claim-world.ts';

const requests = { cpu: '1', 'nvidia.com/gpu': '4' };
const expected = { cpu: '8', memory: '10Gi', 'nvidia.com/gpu': '4', 'vpc.amazonaws.com/efa': '1' };
const claim = liveClaim({ spec: { resources: { requests } } }, { capacity: expected });

function shortfalls(capacity: Record<string, string>): readonly string[] {
  return capacityShortfalls(claim, { metadata: { name: 'n' }, status: { capacity } });
}

t.test('nine tenths are enough; devices count if they were asked for', async (t) => {
  t.strictSame(shortfalls({ cpu: '8', memory: '9Gi', 'nvidia.com/gpu': '4' }), []);
  t.strictSame(shortfalls({ cpu: '16', memory: '20Gi', 'nvidia.com/gpu': '8' }), []);
});

t.test('what is less is told with figures', async (t) => {
  t.strictSame(shortfalls({ cpu: '7200m', memory: '9215Mi' }), [
    'expected 10Gi of resource memory, but found 9215Mi (90.0% of expected)',
    'expected 4 of resource nvidia.com/gpu, but found 0 (0.0% of expected)',
  ]);
});

t.test('a claim that promised nothing is kept', async (t) => {
  t.strictSame(capacityShortfalls(liveClaim(), { metadata: { name: 'n' } }), []);
});
