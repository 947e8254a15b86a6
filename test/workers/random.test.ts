/** The search's random numbers: the same from the same seed on every machine. */
import t from 'tap';
import { SeededRandom } from '../../workers/random.ts';

function draw(seed: number, count: number): number[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.next());
}

t.test('the same seed gives the same numbers, now and in the next release', async (t) => {
  t.strictSame(draw(42, 100), draw(42, 100));
  // Plans are reproducible from (problem, seed, budget): a change here is a breaking change.
  t.strictSame(
    draw(1, 3).map((x) => Math.round(x * 2 ** 32)),
    [1082244541, 2448614118, 2020000273],
  );
});

t.test('other seeds, also neighbours and extreme ones, give other numbers', async (t) => {
  const seeds = [0, 1, 2, 3, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 + 1, -0x6d2b79f5];
  const firsts = seeds.map((seed) => draw(seed, 4).join());
  // 2 ** 32 + 1 is 1 in 32 bits.
  t.equal(new Set(firsts).size, seeds.length - 1);
  for (const seed of seeds)
    t.ok(
      draw(seed, 100).some((x) => x > 0),
      `seed ${seed} does not get stuck at zero`,
    );
});

t.test('numbers lie in [0, 1) and are spread evenly', async (t) => {
  const buckets = new Int32Array(10);
  const numbers = draw(7, 100_000);
  for (const x of numbers) {
    if (x < 0 || x >= 1) t.fail(`${x} is outside of [0, 1)`);
    buckets[Math.floor(x * 10)]!++;
  }
  for (const count of buckets)
    t.ok(Math.abs(count - 10_000) < 500, `${count} of 100,000 in a tenth`);
});

t.test('below(k) gives every integer under k and nothing else', async (t) => {
  const random = new SeededRandom(3);
  for (const k of [1, 2, 7]) {
    const seen = new Set(Array.from({ length: 500 }, () => random.below(k)));
    t.strictSame(
      [...seen].sort((a, b) => a - b),
      Array.from({ length: k }, (_, i) => i),
    );
  }
});
