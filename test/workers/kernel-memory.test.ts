/** The host's own layout of kernel memory: the same answers as the guarded one, and its refusals. */
import t from 'tap';
import * as layout from '../../solver-wasm/assembly/layout.ts';
import { singleClassPatterns } from '../../workers/first-columns.ts';
import { KernelMemory } from '../../workers/kernel-memory.ts';
import { loadKernels } from '../../workers/kernels.ts';
import { type ReducedProblem, reduce } from '../../workers/reduce.ts';
import { fleetProblem } from '../support/fleet-problem.ts';
import { GuardedMemory } from '../support/guarded-memory.ts';
import {
  fleetCases,
  type KernelCase,
  loadEveryBuild,
  smallCases,
} from '../support/kernel-cases.ts';

const outWords = 1 << 16;

/** Both layouts of a case, with the same contents and the same state of the generator. */
function pairOf(one: KernelCase) {
  const kernels = loadKernels();
  const guarded = new GuardedMemory(kernels, one.p, one.seed, 0, { words: outWords });
  const memory = new KernelMemory(loadKernels(), one.p);
  memory.y.set(guarded.floats('y'));
  memory.value.set(guarded.floats('value'));
  memory.target.set(guarded.floats('target'));
  memory.lambda.set(guarded.floats('lambda'));
  memory.rem.set(guarded.ints('rem'));
  memory.order.set(guarded.ints('order'));
  memory.seed(one.seed);
  return { kernels, guarded, memory };
}

t.test('a scan through it gives the bounds that the guarded layout gives', async (t) => {
  for (const one of [...smallCases(60), ...fleetCases()]) {
    const { kernels, guarded, memory } = pairOf(one);
    t.equal(memory.boundScan(9), kernels.boundScan(guarded.h, 9), `seed ${one.seed}`);
    t.strictSame(memory.upper.slice(), guarded.floats('upper').slice(), `seed ${one.seed}`);
    t.strictSame(memory.lambda.slice(), guarded.floats('lambda').slice(), `seed ${one.seed}`);
  }
});

t.test('a completion and the cheapest offering are the same in both layouts', async (t) => {
  for (const one of [...smallCases(60), ...fleetCases()]) {
    const { kernels, guarded, memory } = pairOf(one);
    memory.boundScan(5);
    kernels.boundScan(guarded.h, 5);
    // Without noise a completion draws no random numbers: the states of the generators may differ.
    const groups = memory.complete(one.p.O, 1, 0);
    kernels.complete(guarded.h, one.p.O, outWords, 1, 0);
    t.equal(groups.length, guarded.ints('out')[0], `seed ${one.seed}`);
    t.strictSame(memory.rem.slice(), guarded.ints('rem').slice(), `seed ${one.seed}`);
    t.strictSame(memory.countLeft.slice(), guarded.ints('countLeft').slice(), `seed ${one.seed}`);
    for (const { pattern } of groups) {
      const counts = guarded.ints('counts').fill(0);
      pattern.classes.forEach((c, e) => (counts[c] = pattern.counts[e]!));
      const expected = kernels.cheapest(guarded.h, pattern.offering, guarded.address('counts'));
      t.equal(memory.cheapest(pattern), expected, `seed ${one.seed}`);
    }
  }
});

t.test('every build searches the same patterns through it, seed by seed', async (t) => {
  const { p } = fleetCases()[0]!;
  const results = (await loadEveryBuild()).map((kernels) => {
    const memory = new KernelMemory(kernels, p);
    memory.y.fill(0.02);
    memory.rem.set(p.source.demand);
    memory.seed(7);
    memory.boundScan(6);
    return [3, 4, 5].flatMap((k) => [...memory.search(k, 12, 5), ...memory.search(k, 4, 2, true)]);
  });
  t.ok(results[0]!.length > 0);
  for (const result of results.slice(1)) t.strictSame(result, results[0]);
});

t.test('another seed searches elsewhere, seed zero as well as any', async (t) => {
  const { p } = fleetCases()[2]!;
  const memory = new KernelMemory(loadKernels(), p);
  memory.y.set(p.source.request.filter((_, at) => at % p.R === 0).map((cpu) => cpu * 1e-5));
  const found = [0, 1, 2, 3].map((seed) => {
    memory.seed(seed);
    memory.resetMultipliers();
    memory.boundScan(6);
    return JSON.stringify(Array.from({ length: 12 }, (_, k) => memory.search(k, 6, 6)));
  });
  t.ok(new Set(found).size > 1);
});

t.test('counts and limits return to what the problem gives', async (t) => {
  for (const { p, seed } of smallCases(60)) {
    const memory = new KernelMemory(loadKernels(), p);
    memory.rem.set(p.source.demand.filter((_, f) => f < p.n));
    memory.value.fill(1);
    memory.order.forEach((_, at, order) => (order[at] = at));
    memory.complete(p.O, 1, 0);
    memory.resetStock();
    t.strictSame(memory.countLeft.slice(), p.count, `seed ${seed}`);
    t.strictSame([...memory.limitLeft], [...p.limitMax], `seed ${seed}`);
  }
});

t.test('more resource dimensions than the kernels have room for are refused', async (t) => {
  const base = reduce(
    fleetProblem({ seed: 1, families: 3, pods: 9, types: 2, zones: 1, existing: 0 }),
  );
  const p: ReducedProblem = { ...base, R: layout.maxResources + 1 };
  t.throws(() => new KernelMemory(loadKernels(), p), { message: /at most 24 resource dimensions/ });
});

t.test('first columns hold each class that fits, alone, where a copy costs least', async (t) => {
  for (const { p, seed } of smallCases(80)) {
    const patterns = singleClassPatterns(p, p.price);
    for (let c = 0; c < p.n; c++) {
      const costs = Array.from({ length: p.O }, (_, k) => p.price[k]! / p.many[k * p.n + c]!);
      const least = Math.min(...costs.filter((_, k) => p.many[k * p.n + c]! > 0));
      const own = patterns.filter(({ classes }) => classes[0] === c);
      t.equal(own.length, least === Infinity ? 0 : 1, `seed ${seed}, class ${c}`);
      if (own.length === 0) continue;
      const { offering, counts } = own[0]!;
      t.equal(counts[0], p.many[offering * p.n + c], `seed ${seed}, class ${c}: full`);
      t.equal(costs[offering], least, `seed ${seed}, class ${c}: cheapest`);
    }
  }
});
