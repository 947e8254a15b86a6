/**
 * The same question asked otherwise has the same answer: other masters, other orders, other prices.
 */
import t from 'tap';
import { checkCertificate } from '../../core/packing/certificate.ts';
import { firstFit } from '../../core/packing/first-fit.ts';
import type { PackingProblem } from '../../core/packing/problem.ts';
import { BoundSearch } from '../../workers/bound-search.ts';
import { createMaster, prepareMaster } from '../../workers/create-master.ts';
import { createGlpkJsonMaster, loadGlpkJson } from '../../workers/glpk-json.ts';
import type { Master } from '../../workers/master.ts';
import { reduce } from '../../workers/reduce.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { permuted, withFamilyInTwo, withOffering } from '../support/metamorphic.ts';
import { Dice } from '../support/random-problem.ts';
import { tinyProblem, withPrices } from '../support/reduced-problem.ts';
import { countingClock, findSolutionFlaws, servedBy, solveHere } from '../support/solving.ts';

await prepareMaster('glpk');
await prepareMaster('highs');
await loadGlpkJson();

const roundsMax = 40;

/** The bound of a problem once nothing raises it any more, as the checker computes it, nano-USD. */
function proveBound(
  whole: PackingProblem,
  create: (rows: readonly number[]) => Master = (rows) => createMaster('glpk', rows),
): number {
  const first = firstFit(whole);
  const problem = { ...whole, demand: servedBy(whole, first) };
  if (problem.demand.every((pods) => pods === 0)) return 0;
  const search = new BoundSearch(reduce(problem), first.bins, create, null);
  try {
    for (let round = 0; round < roundsMax && !search.done; round++)
      search.round(20, 1e-7, () => false);
    const certificate = search.certificate();
    if (certificate === null) throw new Error('no certificate');
    const verdict = checkCertificate(problem, certificate);
    if (!verdict.ok) throw new Error(verdict.reasons[0]!.message);
    return verdict.lowerBoundNano;
  } finally {
    search.dispose();
  }
}

interface Named {
  readonly name: string;
  readonly problem: PackingProblem;
}

/**
 * Prices without a common divisor: bounds are rounded up to a multiple of it, and two that differ in
 * the last digit only would come out a whole step apart.
 */
function withoutDivisor(problem: PackingProblem): PackingProblem {
  return { ...problem, priceNano: problem.priceNano.map((price, o) => price && price + 1 + o) };
}

/** Random problems at prices of cents to dollars, and a few in the shape of a catalogue. */
const problems: readonly Named[] = [
  ...Array.from({ length: 60 }, (_, seed) => ({
    name: `seed ${seed}`,
    problem: withoutDivisor(
      withPrices(tinyProblem(seed, [], { families: 9, offerings: 9, pods: 80 }), 1e7),
    ),
  })),
  ...[1, 2, 3].map((seed) => ({
    name: `fleet ${seed}`,
    problem: fleetProblem({
      seed,
      families: 8 + 6 * seed,
      pods: 400 * seed,
      types: 25,
      zones: 2,
      existing: seed === 2 ? 10 : 0,
    }),
  })),
];

function differ(a: number, b: number): number {
  return Math.abs(a - b) / Math.max(1, a, b);
}

t.test('all three masters prove the same bound within a thousandth', async (t) => {
  for (const { name, problem } of problems) {
    const glpk = proveBound(problem);
    const highs = proveBound(problem, (rows) => createMaster('highs', rows));
    t.ok(differ(glpk, highs) < 1e-3, `${name}: glpk ${glpk}, highs ${highs}`);
    const json = proveBound(problem, createGlpkJsonMaster);
    t.ok(differ(glpk, json) < 1e-3, `${name}: glpk ${glpk}, glpk-json ${json}`);
  }
});

t.test('classes and offerings in another order do not move the bound', async (t) => {
  for (const { name, problem } of problems) {
    const other = permuted(problem, new Dice(problem.demand[0]!));
    // First-fit may serve other pods when they come in another order.
    if (firstFit(other).unserved.join() !== firstFit(problem).unserved.join()) continue;
    const [bound, again] = [proveBound(problem), proveBound(other)];
    t.ok(differ(bound, again) < 1e-6, `${name}: ${bound}, permuted ${again}`);
  }
});

t.test('twice the prices are twice the bound', async (t) => {
  for (const { name, problem } of problems) {
    const [bound, double] = [proveBound(problem), proveBound(withPrices(problem, 2))];
    t.ok(differ(2 * bound, double) < 1e-6, `${name}: ${bound}, doubled ${double}`);
  }
});

t.test('twice the prices are twice the cost of an optimal plan', async (t) => {
  let optimal = 0;
  for (const { name, problem } of problems.slice(0, 30)) {
    const solve = (one: PackingProblem) =>
      solveHere(one, { gap: 0, timeLimitMs: 300 }, { epochMs: countingClock() });
    const [once, twice] = [await solve(problem), await solve(withPrices(problem, 2))];
    t.strictSame(findSolutionFlaws(withPrices(problem, 2), twice, 'unknown'), [], name);
    if (once.unserved.join() !== twice.unserved.join()) continue;
    t.ok(twice.lowerBoundNano <= 2 * once.costNano, `${name}: bound against the other's cost`);
    t.ok(2 * once.lowerBoundNano <= twice.costNano, `${name}: cost against the other's bound`);
    if (once.proof !== 'optimal' || twice.proof !== 'optimal') continue;
    optimal++;
    t.equal(twice.costNano, 2 * once.costNano, name);
  }
  t.ok(optimal > 10, `${optimal} pairs of proven optima`);
});

t.test('one offering more never raises cost beyond the gap', async (t) => {
  let cheaper = 0;
  for (const { name, problem } of problems) {
    const dice = new Dice(problem.offeringCount + problem.demand[0]!);
    const like = dice.between(0, problem.offeringCount - 1);
    const price = Math.round((problem.priceNano[like]! * dice.between(12, 25)) / 10);
    const more = withOffering(problem, like, 2, price);
    const solve = (one: PackingProblem) =>
      solveHere(one, { gap: 0.002, timeLimitMs: 200 }, { epochMs: countingClock() });
    const [before, after] = [await solve(problem), await solve(more)];
    t.strictSame(findSolutionFlaws(more, after, 'unknown'), [], name);
    if (before.unserved.join() !== after.unserved.join()) continue;
    t.ok(after.lowerBoundNano <= before.costNano, `${name}: bound`);
    if (after.costNano < before.costNano) cheaper++;
  }
  t.ok(cheaper > 3, `${cheaper} plans got cheaper`);
});

t.test('a family told as two identical ones keeps the bound', async (t) => {
  for (const { name, problem } of problems.filter(({ name }) => name.startsWith('fleet'))) {
    const free = problem.masks.map((most) => (most === 1 ? 0xffff : most));
    const plain = { ...problem, masks: free, boundMasks: free };
    const family = plain.demand.findIndex((pods) => pods > 20);
    const [bound, other] = [proveBound(plain), proveBound(withFamilyInTwo(plain, family, 9))];
    t.ok(differ(bound, other) < 1e-4, `${name}: ${bound}, in two ${other}`);
  }
});
