/** The depth of a JSON text against texts built with a known depth. */
import * as fc from 'fast-check';
import t from 'tap';
import { isDeeperThan } from '../../extender/json-depth.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

t.test('the depth that is measured is the depth that is built', async () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      const bytes = Buffer.from(text);
      const depth = depthOf(JSON.parse(text));
      return (
        !isDeeperThan(bytes, bytes.length, depth) &&
        (depth === 0 || isDeeperThan(bytes, bytes.length, depth - 1))
      );
    }),
  );
});

t.test('brackets inside strings are text, also behind escaped quotes', async (t) => {
  const bytes = Buffer.from(JSON.stringify(['[[[[', '\\"[[[', { '{{': '"[' }]));
  t.equal(isDeeperThan(bytes, bytes.length, 2), false);
});

t.test('only what stands before the end is looked at', async (t) => {
  const bytes = Buffer.from('[[[[');
  t.equal(isDeeperThan(bytes, 2, 2), false);
  t.equal(isDeeperThan(bytes, 3, 2), true);
});

t.test('a string that never ends ends with the bytes', async (t) => {
  const bytes = Buffer.from('["[[[[\\');
  t.equal(isDeeperThan(bytes, bytes.length, 1), false);
});
