/**
 * What the kernels answer is true: bounds are bounds, contents fit, coverings cover.
 *
 * The judge is brute force over the problem's own arrays, in the words of layout.ts.
 */
import t from 'tap';
import * as layout from '../../solver-wasm/assembly/layout.ts';
import { loadKernels } from '../../workers/kernels.ts';
import { anyNumber, type ReducedProblem } from '../../workers/reduce.ts';
import { bestContent, lagrangianWorth } from '../support/bin-worth.ts';
import { GuardedMemory } from '../support/guarded-memory.ts';
import { fleetCases, type KernelCase, smallCases } from '../support/kernel-cases.ts';
import { Dice } from '../support/random-problem.ts';

const outWords = 8192;

function memoryFor(one: KernelCase) {
  const kernels = loadKernels();
  return { kernels, memory: new GuardedMemory(kernels, one.p, one.seed, 0, { words: outWords }) };
}

/** Whether a bin of offering k may hold `counts` [class] in a plan. */
function fits(p: ReducedProblem, k: number, counts: ArrayLike<number>): boolean {
  for (let r = 0; r < p.R; r++) {
    let used = 0;
    for (let i = 0; i < p.n; i++) used += counts[i]! * p.source.request[i * p.R + r]!;
    if (used > p.capacity[k * p.R + r]!) return false;
  }
  for (let i = 0; i < p.n; i++) {
    if (counts[i]! > p.many[k * p.n + i]!) return false;
    for (let j = 0; j < p.n; j++) {
      if (p.conflicts?.[i * p.n + j] === 1 && counts[i]! > 0 && counts[j]! > 0) return false;
    }
  }
  return true;
}

t.test('a scan never says less than the best content of an offering is worth', async (t) => {
  let tight = 0;
  for (const one of smallCases(150).filter(({ p }) => p.n <= 5)) {
    const { kernels, memory } = memoryFor(one);
    kernels.boundScan(memory.h, 30);
    const y = memory.floats('y');
    memory.floats('upper').forEach((bound, k) => {
      const best = bestContent(one.p, k, y);
      t.ok(bound >= best * (1 - 1e-12), `seed ${one.seed}, offering ${k}: ${bound} < ${best}`);
      if (bound <= best * 1.2) tight++;
    });
  }
  t.ok(tight > 50, `${tight} bounds within a fifth of the best content`);
});

t.test('the bound that a scan reports is that of the multipliers that it leaves', async (t) => {
  for (const one of [...smallCases(40), ...fleetCases()]) {
    const { kernels, memory } = memoryFor(one);
    kernels.boundScan(memory.h, 12);
    const [y, lambda] = [memory.floats('y'), memory.floats('lambda')];
    t.ok(
      lambda.every((value) => value >= 0),
      'multipliers are not negative',
    );
    memory.floats('upper').forEach((bound, k) => {
      const again = lagrangianWorth(one.p, k, y, lambda);
      t.ok(Math.abs(bound - again) <= 1e-9 * (1 + again), `seed ${one.seed}, offering ${k}`);
    });
  }
});

t.test('more steps of a scan never leave a worse bound', async (t) => {
  for (const one of fleetCases()) {
    const few = memoryFor(one);
    few.kernels.boundScan(few.memory.h, 3);
    const many = memoryFor(one);
    const evaluations = many.kernels.boundScan(many.memory.h, 40);
    t.ok(evaluations <= 40 * one.p.O, 'the work counter keeps to the steps asked for');
    const upper = few.memory.floats('upper');
    many.memory.floats('upper').forEach((bound, k) => t.ok(bound <= upper[k]!, `offering ${k}`));
  }
});

/** Patterns that a search left in memory, read by the map in pattern-search.ts. */
function patternsIn(memory: GuardedMemory, p: ReducedProblem, found: number) {
  const nPad = p.n + (p.n % 2);
  const out = memory.bytes('out');
  return Array.from({ length: found }, (_, k) => {
    const at = out.byteOffset + 8 + k * (8 + nPad * 4);
    return {
      value: new Float64Array(out.buffer, at, 1)[0]!,
      counts: new Int32Array(out.buffer, at + 8, p.n).slice(),
    };
  });
}

t.test('patterns fit, are worth what they say, are distinct, and come best first', async (t) => {
  let total = 0;
  for (const one of [...smallCases(120), ...fleetCases()]) {
    const { p, seed } = one;
    const { kernels, memory } = memoryFor(one);
    kernels.boundScan(memory.h, 8);
    const y = memory.floats('y');
    for (let k = 0; k < Math.min(p.O, 12); k++) {
      for (const within of [0, 1]) {
        const patterns = patternsIn(memory, p, kernels.patternSearch(memory.h, k, 15, 6, within));
        const what = `seed ${seed}, offering ${k}, within ${within}`;
        t.ok(patterns.length <= 6, what);
        patterns.forEach(({ value, counts }, at) => {
          total++;
          t.ok(fits(p, k, counts), `${what}: ${counts} fits`);
          const worth = counts.reduce((sum, copies, i) => sum + copies * y[i]!, 0);
          t.ok(Math.abs(worth - value) <= 1e-9 * worth, `${what}: worth ${worth}, says ${value}`);
          if (at > 0) t.ok(value <= patterns[at - 1]!.value, `${what}: best first`);
          if (within === 1)
            t.ok(
              counts.every((copies, i) => copies <= memory.ints('rem')[i]!),
              `${what}: no more than is left`,
            );
        });
        const keys = patterns.map(({ counts }) => counts.join());
        t.equal(new Set(keys).size, keys.length, `${what}: distinct`);
      }
    }
  }
  t.ok(total > 1000, `${total} patterns seen`);
});

t.test('a search finds the best content of a small offering most of the time', async (t) => {
  let hits = 0;
  let tries = 0;
  for (const one of smallCases(200).filter(({ p }) => p.n <= 5 && p.conflicts === null)) {
    const { p } = one;
    if (p.boundMany.some((most, at) => most !== p.many[at])) continue;
    const { kernels, memory } = memoryFor(one);
    kernels.boundScan(memory.h, 20);
    for (let k = 0; k < p.O; k++) {
      const best = bestContent(p, k, memory.floats('y'));
      if (best === 0) continue;
      tries++;
      const [first] = patternsIn(memory, p, kernels.patternSearch(memory.h, k, 40, 1, 0));
      if (first !== undefined && first.value >= best * (1 - 1e-9)) hits++;
    }
  }
  t.ok(tries > 100 && hits >= 0.85 * tries, `${hits} of ${tries}`);
});

/** Bin groups that a completion left in memory. */
function groupsIn(memory: GuardedMemory, p: ReducedProblem) {
  const out = memory.ints('out');
  const groups: { offering: number; copies: number; counts: Int32Array }[] = [];
  let at = 1;
  for (let g = 0; g < out[0]!; g++) {
    const [offering, copies, entries] = [out[at]!, out[at + 1]!, out[at + 2]!];
    const counts = new Int32Array(p.n);
    at += 3;
    for (let e = 0; e < entries; e++, at += 2) counts[out[at]!] = out[at + 1]!;
    groups.push({ offering, copies, counts });
  }
  return groups;
}

t.test('a completion covers what it says, within capacities, counts and limits', async (t) => {
  let covered = 0;
  for (const one of [...smallCases(150), ...fleetCases()]) {
    const { p, seed } = one;
    const { kernels, memory } = memoryFor(one);
    kernels.boundScan(memory.h, 8);
    const before = memory.ints('rem').slice();
    const dice = new Dice(seed);
    const orderCount = dice.between(1, p.O);
    const allowed = new Set(memory.ints('order').subarray(0, orderCount));
    const left = kernels.complete(
      memory.h,
      orderCount,
      outWords,
      dice.between(0, 2),
      dice.pick([0, 0.3]),
    );
    const bins = new Int32Array(p.O);
    const placed = new Int32Array(p.n);
    for (const { offering, copies, counts } of groupsIn(memory, p)) {
      t.ok(allowed.has(offering), `seed ${seed}: only offerings of the order are opened`);
      t.ok(copies >= 1 && fits(p, offering, counts), `seed ${seed}: ${copies} x ${counts} fit`);
      bins[offering]! += copies;
      counts.forEach((copy, i) => (placed[i]! += copy * copies));
    }
    const rem = memory.ints('rem');
    t.ok(
      rem.every((rest, i) => rest >= 0 && before[i] === rest + placed[i]!),
      `seed ${seed}: rem`,
    );
    t.equal(
      left,
      rem.reduce((a, b) => a + b, 0),
      `seed ${seed}: pods left`,
    );
    covered += placed.reduce((a, b) => a + b, 0);
    bins.forEach((opened, k) => {
      const stock = memory.ints('countLeft')[k]!;
      t.ok(opened <= p.count[k]!, `seed ${seed}: count of ${k}`);
      t.equal(stock, p.count[k] === anyNumber ? anyNumber : p.count[k]! - opened);
    });
    p.limitWeight.forEach((weights, l) => {
      const used = bins.reduce((sum, opened, k) => sum + opened * weights[k]!, 0);
      t.ok(used <= p.limitMax[l]!, `seed ${seed}: limit ${l}`);
      t.equal(memory.floats('limitLeft')[l], p.limitMax[l]! - used);
    });
  }
  t.ok(covered > 1000, `${covered} pods covered`);
});

t.test('a completion with every offering leaves nothing over that still fits', async (t) => {
  for (const one of smallCases(100)) {
    const { p, seed } = one;
    const { kernels, memory } = memoryFor(one);
    kernels.complete(memory.h, p.O, outWords, 1, 0);
    const stock = memory.ints('countLeft');
    const limits = memory.floats('limitLeft');
    memory.ints('rem').forEach((left, i) => {
      if (left === 0) return;
      for (let k = 0; k < p.O; k++) {
        const open =
          stock[k]! > 0 && p.limitWeight.every((weights, l) => weights[k]! <= limits[l]!);
        t.notOk(open && p.many[k * p.n + i]! > 0, `seed ${seed}: class ${i} in offering ${k}`);
      }
    });
  }
});

t.test('the cheapest offering for a content is the one that brute force finds', async (t) => {
  for (const one of [...smallCases(120), ...fleetCases()]) {
    const { p, seed } = one;
    const { kernels, memory } = memoryFor(one);
    for (let from = 0; from < Math.min(p.O, 8); from++) {
      const [pattern] = patternsIn(memory, p, kernels.patternSearch(memory.h, from, 2, 1, 0));
      if (pattern === undefined) continue;
      memory.ints('counts').set(pattern.counts);
      const pick = kernels.cheapest(memory.h, from, memory.address('counts'));
      const candidates = Array.from({ length: p.O }, (_, k) => k).filter(
        (k) =>
          k === from ||
          (p.count[k] === anyNumber &&
            fits(p, k, pattern.counts) &&
            p.limitWeight.every((weights) => weights[k]! <= weights[from]!)),
      );
      const least = Math.min(...candidates.map((k) => p.price[k]!));
      t.ok(candidates.includes(pick), `seed ${seed}: ${pick} holds it`);
      t.equal(p.price[pick], least, `seed ${seed}: the least price`);
    }
  }
});

t.test('a generator in the same state finds the same patterns again', async (t) => {
  const one = fleetCases()[2]!;
  const { kernels, memory } = memoryFor(one);
  const search = (state: number) => {
    memory.ints('header')[layout.fRandom >> 2] = state;
    return patternsIn(memory, one.p, kernels.patternSearch(memory.h, 5, 20, 8, 0));
  };
  t.strictSame(search(12_345), search(12_345));
});
