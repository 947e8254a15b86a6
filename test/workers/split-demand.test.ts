/** A split of demand over domains keeps to every rule and loses no pod. */
import t from 'tap';
import type { DomainGroup, PackingProblem } from '../../core/packing/problem.ts';
import { isLegalSplit, splitDemand } from '../../workers/split-demand.ts';
import { bruteForce } from '../support/brute-force.ts';
import { allFeatures, Dice } from '../support/random-problem.ts';
import { tinyProblem } from '../support/reduced-problem.ts';

const cases = 800;
const withoutDomains = allFeatures.filter((feature) => feature !== 'domains');

/** A problem with groups, the demand that an optimal plan serves, and that plan's split. */
function splitCase(seed: number): { problem: PackingProblem; known: Int32Array } | null {
  const problem = tinyProblem(seed, withoutDomains, { families: 3, offerings: 4, pods: 7 });
  if (problem.domainGroups.length === 0) return null;
  const { bins, unserved } = bruteForce(problem);
  const known = new Int32Array(problem.classCount);
  for (const { classes, counts, copies } of bins)
    classes.forEach((c, e) => (known[c]! += counts[e]! * copies));
  const demand = problem.demand.map((pods, family) => pods - unserved[family]!);
  return { problem: { ...problem, demand }, known };
}

/** The rule of problem.ts in other words than the code's. */
function obeys(group: DomainGroup, split: Int32Array): boolean {
  const placed = group.domains.map(({ classes }) => classes.reduce((sum, c) => sum + split[c]!, 0));
  const total = group.domains.map(({ existing }, z) => existing + placed[z]!);
  const floor = group.floorIsZero ? 0 : Math.min(...total);
  return group.domains.every(
    ({ max }, z) => placed[z] === 0 || (total[z]! <= max && total[z]! <= floor + group.maxSkew),
  );
}

function sumsMatch({ familyOf, demand }: PackingProblem, split: Int32Array): boolean {
  const sums = new Int32Array(demand.length);
  familyOf.forEach((family, c) => (sums[family]! += split[c]!));
  return demand.every((pods, family) => pods === sums[family]) && split.every((pods) => pods >= 0);
}

function randomWish({ familyOf, demand }: PackingProblem, dice: Dice): Float64Array {
  return Float64Array.from(familyOf, (family) => (dice.between(0, 1000) / 1000) * demand[family]!);
}

t.test('whatever is wished, the split is legal and places every pod of the demand', async (t) => {
  let moved = 0;
  let used = 0;
  for (let seed = 0; seed < cases; seed++) {
    const one = splitCase(seed);
    if (one === null) continue;
    const { problem, known } = one;
    const dice = new Dice(seed);
    for (let round = 0; round < 3; round++) {
      const split = splitDemand(problem, randomWish(problem, dice), known);
      used++;
      if (split.some((pods, c) => pods !== known[c])) moved++;
      t.ok(sumsMatch(problem, split), `seed ${seed}: ${split}`);
      t.ok(
        problem.domainGroups.every((group) => obeys(group, split)),
        `seed ${seed}: ${split} is legal`,
      );
    }
  }
  t.ok(used > 300 && moved > used / 10, `${moved} of ${used} splits differ from the known one`);
});

t.test('a wish that is whole and legal is granted as it is', async (t) => {
  for (let seed = 0; seed < cases; seed++) {
    const one = splitCase(seed);
    if (one === null) continue;
    const { problem, known } = one;
    const elsewhere = new Int32Array(problem.classCount);
    t.strictSame(
      splitDemand(problem, Float64Array.from(known), elsewhere),
      known,
      `seed ${seed}: ${known}`,
    );
  }
});

t.test('legality is judged as the problem states it', async (t) => {
  let illegal = 0;
  for (let seed = 0; seed < cases; seed++) {
    const problem = tinyProblem(seed, withoutDomains);
    const dice = new Dice(seed + 5);
    const split = Int32Array.from({ length: problem.classCount }, () => dice.between(0, 3));
    const legal = problem.domainGroups.every((group) => obeys(group, split));
    if (!legal) illegal++;
    t.equal(isLegalSplit(problem, split), legal, `seed ${seed}: ${split}`);
  }
  t.ok(illegal > 50, `${illegal} illegal splits seen`);
});

/** One family of `pods` with a class in each of three zones, spread with a skew of one. */
function spreadProblem(pods: number, existing: readonly number[], floorIsZero: boolean) {
  const base = tinyProblem(1, allFeatures, { families: 1, offerings: 1, pods: 1 });
  const group: DomainGroup = {
    name: 'spread',
    domains: existing.map((count, z) => ({
      name: `zone-${z}`,
      classes: Int32Array.of(z),
      existing: count,
      max: 0x7fffffff,
    })),
    maxSkew: 1,
    floorIsZero,
    boundSafe: true,
  };
  return {
    ...base,
    demand: Int32Array.of(pods),
    familyCount: 1,
    classCount: 3,
    familyOf: Int32Array.of(0, 0, 0),
    domainGroups: [group],
  };
}

t.test('a lopsided wish over three zones is levelled to the allowed skew', async (t) => {
  const problem = spreadProblem(10, [0, 0, 0], false);
  const split = splitDemand(problem, Float64Array.of(10, 0, 0), Int32Array.of(4, 3, 3));
  t.strictSame(
    [...split].sort((a, b) => a - b),
    [3, 3, 4],
  );
});

t.test('pods that stand already count: the emptier zones are filled first', async (t) => {
  const problem = spreadProblem(5, [4, 1, 1], false);
  const split = splitDemand(problem, Float64Array.of(5, 0, 0), Int32Array.of(0, 3, 2));
  t.ok(isLegalSplit(problem, split), `${split}`);
  t.equal(split[0], 0);
});

t.test('where repair cannot succeed the known split is returned', async (t) => {
  // While the floor is zero a zone may hold one pod at most: three pods need all three zones.
  const problem = spreadProblem(3, [0, 0, 0], true);
  const known = Int32Array.of(1, 1, 1);
  t.strictSame(splitDemand(problem, Float64Array.of(3, 0, 0), known), known);
});
