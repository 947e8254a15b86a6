/** The seeded dice: one seed is one stream, with the distributions it promises. */
import t from 'tap';
import { createRandom, exponential, lognormal, normal } from '../../sim/random.ts';

const draws = 20_000;

t.test('one seed is one stream, on every machine', async (t) => {
  const random = createRandom('seed');
  const first = Array.from({ length: 5 }, () => random.integer(1_000_000));
  t.strictSame(first, [756534, 126950, 253622, 946054, 132358]);
  t.equal(createRandom(1).uuid(), createRandom('1').uuid());
  t.not(createRandom(1).float(), createRandom(2).float());
});

t.test('a branch does not depend on what was drawn before', async (t) => {
  const one = createRandom(7);
  const two = createRandom(7);
  two.float();
  t.equal(one.branch('a').float(), two.branch('a').float());
  t.not(one.branch('a').float(), one.branch('b').float());
});

t.test('the distributions have the moments that they promise', async (t) => {
  const random = createRandom(3);
  const mean = (draw: () => number): number => {
    let sum = 0;
    for (let index = 0; index < draws; index += 1) sum += draw();
    return sum / draws;
  };
  const near = (value: number, expected: number, off: number): boolean =>
    Math.abs(value - expected) < off;
  t.ok(
    near(
      mean(() => random.float()),
      0.5,
      0.01,
    ),
  );
  t.ok(
    near(
      mean(() => random.integer(6)),
      2.5,
      0.05,
    ),
  );
  t.ok(
    near(
      mean(() => normal(random)),
      0,
      0.03,
    ),
  );
  t.ok(
    near(
      mean(() => normal(random) ** 2),
      1,
      0.05,
    ),
  );
  t.ok(
    near(
      mean(() => exponential(random, 10)),
      10,
      0.3,
    ),
  );
  t.ok(
    near(
      mean(() => Math.log(lognormal(random, 40, 0.4))),
      Math.log(40),
      0.02,
    ),
  );
  t.ok(
    near(
      mean(() => Number(random.chance(0.2))),
      0.2,
      0.02,
    ),
  );
});

t.test('names and UIDs look as the API server makes them', async (t) => {
  const random = createRandom(9);
  t.match(random.suffix(5), /^[a-z0-9]{5}$/);
  t.match(random.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.throws(() => random.pick([]), RangeError);
});
