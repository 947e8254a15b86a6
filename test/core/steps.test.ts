/** Long work in steps: what it comes to, and where it rests. */
import t from 'tap';
import { allSteps, mapInSteps } from '../../core/steps.ts';

t.test('all steps at once come to what the steps come to', (t) => {
  const items = Array.from({ length: 25 }, (_, index) => index);
  t.strictSame(
    allSteps(mapInSteps(items, 10, (one) => one * 2)),
    items.map((one) => one * 2),
  );
  t.strictSame(allSteps(mapInSteps([], 10, String)), []);
  t.end();
});

t.test('there is a rest after every so many items', (t) => {
  let made = 0;
  const steps = mapInSteps([1, 2, 3, 4, 5], 2, () => ++made);
  const rests: number[] = [];
  for (let step = steps.next(); step.done !== true; step = steps.next()) rests.push(made);
  t.strictSame(rests, [2, 4]);
  t.end();
});
