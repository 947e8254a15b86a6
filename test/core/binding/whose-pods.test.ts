/** Whose pods are bound by us: what each mode says of each scheduler name. */

import t from 'tap';
import { type BindMode, bindsPod, needsReservation } from '../../../core/binding/whose-pods.ts';

const ours = { spec: { schedulerName: 'ours' } };
const plain = { spec: { schedulerName: 'default-scheduler' } };
const unnamed = { spec: {} };
const volcano = { spec: { schedulerName: 'volcano' } };

function bound(mode: BindMode): boolean[] {
  return [ours, plain, unnamed, volcano].map((pod) => bindsPod(mode, 'ours', pod));
}

t.test('by default pods of the default scheduler and of our profile are bound', async (t) => {
  t.strictSame(bound('default'), [true, true, true, false]);
});

t.test('pods of our profile alone are bound where the operator says so', async (t) => {
  t.strictSame(bound('own'), [true, false, false, false]);
});

t.test('nothing is bound in advise mode', async (t) => {
  t.strictSame(bound('none'), [false, false, false, false]);
});

t.test('a node is held if one of its pods is ours to bind', async (t) => {
  const settings = { bind: 'default', schedulerName: 'ours' } as const;
  t.equal(needsReservation(settings, [volcano, plain]), true);
  t.equal(needsReservation(settings, [volcano]), false);
  t.equal(needsReservation(settings, []), false);
  t.equal(needsReservation({ ...settings, bind: 'none' }, [plain, ours]), false);
});
