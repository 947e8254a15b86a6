/**
 * The kernels as plain TypeScript: the sources that asc compiles, run by Node over an ArrayBuffer.
 *
 * In: nothing; the sources under solver-wasm/assembly load on the first call. Out: the functions of
 * the WASM build over a memory of their own, equal to it bit for bit, only slower. It gives the
 * global names of assembly/lib/words.ts (loads and stores) their meaning. Types are stripped, so
 * `i32` is whatever number is passed: the kernels keep to integers and to `Math.floor` by
 * themselves, and this reference is how a test sees that they do. It refuses addresses that are
 * out of bounds or not aligned, where WASM would go on.
 */

/** The calls of the WASM build, as workers/kernels.ts states them. */
export interface ReferenceKernels {
  readonly variant: string;
  readonly memory: { readonly buffer: ArrayBufferLike; grow(pages: number): number };
  boundScan(h: number, steps: number): number;
  patternSearch(h: number, offering: number, rounds: number, keep: number, within: number): number;
  complete(h: number, orderCount: number, outWords: number, bend: number, noise: number): number;
  cheapest(h: number, from: number, counts: number): number;
}

type KernelFunctions = Omit<ReferenceKernels, 'variant' | 'memory'>;

const pageBytes = 65_536;
/** As asconfig.json: initialMemory. */
const initialPages = 2;

/** What loads and stores act on; set for the time of one call. */
let view = new DataView(new ArrayBuffer(0));

function aligned(address: number, bytes: number): number {
  if (address % bytes !== 0) throw new RangeError(`address ${address} is not ${bytes}-aligned`);
  return address;
}

/** The words of assembly/lib/words.ts; all little-endian, as WASM is. */
const words = {
  f64At: (p: number): number => view.getFloat64(aligned(p, 8), true),
  setF64: (p: number, v: number): void => view.setFloat64(aligned(p, 8), v, true),
  i32At: (p: number): number => view.getInt32(aligned(p, 4), true),
  setI32: (p: number, v: number): void => view.setInt32(aligned(p, 4), v, true),
  u8At: (p: number): number => view.getUint8(p),
};

async function loadSources(): Promise<KernelFunctions> {
  Object.assign(globalThis, words);
  // The sources are in the language of asc: tsc must not follow this import.
  const sources = new URL('../assembly/index.ts', import.meta.url).href;
  return (await import(sources)) as KernelFunctions;
}

let loading: Promise<KernelFunctions> | undefined;

class ReferenceMemory {
  buffer = new ArrayBuffer(initialPages * pageBytes);

  /** Adds pages, keeps the contents; returns the old number of pages, as WASM does. */
  grow(pages: number): number {
    const before = this.buffer.byteLength / pageBytes;
    this.buffer = this.buffer.transfer((before + pages) * pageBytes);
    return before;
  }
}

/** Kernels over a fresh memory. */
export async function loadReference(): Promise<ReferenceKernels> {
  loading ??= loadSources();
  const kernels = await loading;
  const memory = new ReferenceMemory();
  const over = <T>(call: () => T): T => {
    view = new DataView(memory.buffer);
    return call();
  };
  return {
    variant: 'reference',
    memory,
    boundScan: (...a) => over(() => kernels.boundScan(...a)),
    patternSearch: (...a) => over(() => kernels.patternSearch(...a)),
    complete: (...a) => over(() => kernels.complete(...a)),
    cheapest: (...a) => over(() => kernels.cheapest(...a)),
  };
}
