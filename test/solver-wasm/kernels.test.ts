/**
 * Every build of the kernels does the same to memory, bit for bit, and nothing beside what it owns.
 */
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import * as layout from '../../solver-wasm/assembly/layout.ts';
import { loadReference } from '../../solver-wasm/host/reference.ts';
import { assetPath } from '../../workers/assets.ts';
import { hasSimd, type Kernels, loadKernels } from '../../workers/kernels.ts';
import { GuardedMemory } from '../support/guarded-memory.ts';
import {
  fleetCases,
  type KernelCase,
  loadEveryBuild,
  smallCases,
  wasmVariants,
} from '../support/kernel-cases.ts';
import { Dice } from '../support/random-problem.ts';

const releaseBytesMax = 24 * 1024;
const outWords = 4096;

/** One call of a kernel, by name, so that builds can be given the same one. */
interface Call {
  readonly name: 'boundScan' | 'patternSearch' | 'complete' | 'cheapest';
  readonly args: readonly number[];
}

/** What each kernel may write. */
const owned: Record<Call['name'], readonly string[]> = {
  boundScan: ['lambda', 'upper', 'scratchF'],
  patternSearch: ['header', 'out', 'scratchF', 'scratchI'],
  complete: [
    'header',
    'out',
    'rem',
    'countLeft',
    'limitLeft',
    'scores',
    'fresh',
    'scratchF',
    'scratchI',
  ],
  cheapest: ['scratchF'],
};

/** A search's worth of calls, chosen by dice; arguments without the header's address. */
function someCalls({ seed, p }: KernelCase): Call[] {
  const dice = new Dice(seed + 77);
  const calls: Call[] = [{ name: 'boundScan', args: [dice.between(1, 14)] }];
  for (let k = 0; k < 3; k++) {
    const offering = dice.between(0, p.O - 1);
    const args = [offering, dice.between(0, 12), dice.between(1, 16), dice.between(0, 1)];
    calls.push({ name: 'patternSearch', args });
  }
  calls.push({ name: 'cheapest', args: [dice.between(0, p.O - 1)] });
  for (let k = 0; k < 2; k++) {
    const noise = dice.chance(50) ? 0 : dice.between(1, 9) / 20;
    calls.push({
      name: 'complete',
      args: [dice.between(1, p.O), outWords, dice.between(0, 2), noise],
    });
  }
  return calls;
}

function run(kernels: Kernels, memory: GuardedMemory, { name, args }: Call): number {
  const { h } = memory;
  const [a = 0, b = 0, c = 0, d = 0] = args;
  if (name === 'boundScan') return kernels.boundScan(h, a);
  if (name === 'patternSearch') return kernels.patternSearch(h, a, b, c, d);
  if (name === 'complete') return kernels.complete(h, a, b, c, d);
  return kernels.cheapest(h, a, memory.address('counts'));
}

/** Room that a search of 16 patterns needs and a completion is told of. */
function roomFor({ p }: KernelCase): { words: number } {
  return { words: Math.max(outWords, 2 + layout.maxPatterns * (2 + p.n + 1)) };
}

/** Leaves in `counts` what one bin of the offering holds, so that `cheapest` has a question. */
function holdOneBin(memory: GuardedMemory, { p, seed }: KernelCase): void {
  const dice = new Dice(seed + 99);
  memory.ints('counts').forEach((_, i, counts) => {
    const most = p.many[dice.between(0, p.O - 1) * p.n + i]!;
    counts[i] = dice.chance(40) ? dice.between(0, Math.min(3, most)) : 0;
  });
}

function compareBuilds(t: Test, builds: readonly Kernels[], one: KernelCase): void {
  const memories = builds.map(
    (kernels) => new GuardedMemory(kernels, one.p, one.seed, 0xa5, roomFor(one)),
  );
  for (const memory of memories) holdOneBin(memory, one);
  for (const call of someCalls(one)) {
    const results = builds.map((kernels, b) => run(kernels, memories[b]!, call));
    const expected = memories[0]!.snapshot();
    builds.forEach(({ variant }, b) => {
      const what = `seed ${one.seed}, ${variant}: ${call.name}(${call.args.join()})`;
      t.equal(results[b], results[0], what);
      t.strictSame(memories[b]!.changedSince(expected), [], what);
    });
  }
}

t.test('all builds and the TypeScript reference leave the same bits in memory', async (t) => {
  for (const one of smallCases(80)) compareBuilds(t, await loadEveryBuild(), one);
});

t.test('they do so at the sizes of a cloud catalogue as well', async (t) => {
  for (const one of fleetCases()) compareBuilds(t, await loadEveryBuild(), one);
});

t.test('kernels write to their results and scratch room only, never past an end', async (t) => {
  for (const one of smallCases(80)) {
    const kernels = loadKernels();
    const memory = new GuardedMemory(kernels, one.p, one.seed, 0xa5, roomFor(one));
    holdOneBin(memory, one);
    for (const call of someCalls(one)) {
      const before = memory.snapshot();
      run(kernels, memory, call);
      const strangers = memory
        .changedSince(before)
        .filter((name) => !owned[call.name].includes(name));
      t.strictSame(strangers, [], `seed ${one.seed}: ${call.name}(${call.args.join()})`);
      t.ok(memory.guardsHold(), `seed ${one.seed}: guards after ${call.name}`);
    }
  }
});

t.test('a search writes no more of the header than the state of its generator', async (t) => {
  for (const one of smallCases(20)) {
    const kernels = loadKernels();
    const memory = new GuardedMemory(kernels, one.p, one.seed, 0xa5, roomFor(one));
    const before = memory.ints('header').slice();
    for (const call of someCalls(one)) run(kernels, memory, call);
    before[layout.fRandom >> 2] = memory.ints('header')[layout.fRandom >> 2]!;
    t.strictSame(memory.ints('header').slice(), before, `seed ${one.seed}`);
  }
});

t.test('what lies beside the arrays has no influence: nothing is read past an end', async (t) => {
  for (const one of smallCases(40)) {
    const memories = [0x00, 0xff].map((guard) => {
      const kernels = loadKernels();
      return { kernels, memory: new GuardedMemory(kernels, one.p, one.seed, guard, roomFor(one)) };
    });
    for (const { memory } of memories) holdOneBin(memory, one);
    for (const call of someCalls(one)) {
      const [a, b] = memories.map(({ kernels, memory }) => run(kernels, memory, call));
      t.equal(a, b, `seed ${one.seed}: ${call.name}`);
      for (const name of owned[call.name]) {
        // Addresses of arrays are the same in both; only the bytes between arrays differ.
        const [x, y] = memories.map(({ memory }) => memory.bytes(name).slice());
        t.strictSame(x, y, `seed ${one.seed}: ${name} after ${call.name}`);
      }
    }
  }
});

t.test('a completion told of little room stops in time and says what is left', async (t) => {
  for (const one of smallCases(40)) {
    for (const words of [1, 4, 8, 19]) {
      const kernels = loadKernels();
      const memory = new GuardedMemory(kernels, one.p, one.seed, 0x5a, { words });
      const left = kernels.complete(memory.h, one.p.O, words, 1, 0);
      const rest = memory.ints('rem').reduce((a, b) => a + b, 0);
      t.equal(left, rest, `seed ${one.seed}, ${words} words`);
      t.ok(memory.guardsHold(), `seed ${one.seed}, ${words} words`);
    }
  }
});

t.test('a search asked for more patterns than there is room keeps the stated number', async (t) => {
  for (const one of [...smallCases(10), ...fleetCases()]) {
    const kernels = loadKernels();
    const memory = new GuardedMemory(kernels, one.p, one.seed, 0x5a, roomFor(one));
    for (let k = 0; k < Math.min(5, one.p.O); k++) {
      const found = kernels.patternSearch(memory.h, k, 60, 1000, 0);
      t.ok(found <= layout.maxPatterns, `${found} patterns`);
      t.ok(memory.guardsHold());
    }
  }
});

t.test('a scan of no steps claims no bound and keeps the multipliers', async (t) => {
  const one = fleetCases()[0]!;
  const kernels = loadKernels();
  const memory = new GuardedMemory(kernels, one.p, one.seed, 0x5a, roomFor(one));
  const before = memory.floats('lambda').slice();
  t.equal(kernels.boundScan(memory.h, 0), 0);
  t.ok(memory.floats('upper').every((bound) => bound === 1e300));
  t.strictSame(memory.floats('lambda').slice(), before);
});

t.test('two instances share nothing', async (t) => {
  const one = fleetCases()[1]!;
  for (const load of [async () => loadKernels(), loadReference]) {
    const start = async () => {
      const kernels: Kernels = await load();
      return { kernels, memory: new GuardedMemory(kernels, one.p, one.seed, 0x5a, roomFor(one)) };
    };
    const [busy, calm] = [await start(), await start()];
    // The first does everything twice over, in between the calls of the second.
    for (const call of someCalls(one)) {
      run(busy.kernels, busy.memory, call);
      const untouched = calm.memory.snapshot();
      run(busy.kernels, busy.memory, call);
      t.strictSame(calm.memory.changedSince(untouched), [], call.name);
      run(calm.kernels, calm.memory, call);
    }
  }
});

t.test('the reference refuses addresses that are misaligned or out of bounds', async (t) => {
  const reference = await loadReference();
  t.throws(() => reference.boundScan(2, 1), RangeError);
  t.throws(() => reference.boundScan(reference.memory.buffer.byteLength, 1), RangeError);
  t.equal(reference.memory.grow(3), 2);
  t.equal(reference.memory.buffer.byteLength, 5 * 65_536);
});

t.test('the layout gives every field of the header a word of its own', async (t) => {
  const fields = Object.entries(layout).filter(([name]) => /^f[A-Z]/.test(name)) as [
    string,
    number,
  ][];
  t.ok(fields.length > 20);
  t.equal(new Set(fields.map(([, at]) => at)).size, fields.length);
  for (const [name, at] of fields)
    t.ok(at % 4 === 0 && at >= 0 && at + 4 <= layout.headerBytes, name);
  t.equal(layout.headerBytes % 16, 0, 'arrays behind it start aligned for two lanes');
});

t.test('modules import nothing but abort, export their memory, and stay small', async (t) => {
  for (const variant of wasmVariants) {
    const bytes = readFileSync(assetPath(`build/wasm/${variant}.wasm`));
    const module = new WebAssembly.Module(bytes);
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      t.strictSame([from, name, kind], ['env', 'abort', 'function'], variant);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const name of ['memory', 'boundScan', 'patternSearch', 'complete', 'cheapest'])
      t.ok(names.includes(name), `${variant} exports ${name}`);
    if (!variant.endsWith('debug'))
      t.ok(bytes.length < releaseBytesMax, `${variant}: ${bytes.length} bytes`);
  }
});

t.test('the host picks the SIMD build exactly where the engine runs it', async (t) => {
  t.equal(loadKernels().variant, hasSimd() ? 'simd' : 'plain');
});
