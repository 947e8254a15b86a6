/**
 * The kernels as the host calls them: WASM (SIMD where the engine has it, else plain) behind one
 * small interface.
 *
 * In: the compiled modules under build/wasm. Out: functions over one linear memory. The memory map
 * is solver-wasm/assembly/layout.ts; who fills it is kernel-memory.ts.
 */
import { readFileSync } from 'node:fs';
import { assetPath } from './assets.ts';

/** Functions over memory; `h` is the address of a header (see layout.ts). */
export interface Kernels {
  readonly variant: string;
  /** The memory; `buffer` changes identity when it grows. */
  readonly memory: { readonly buffer: ArrayBufferLike; grow(pages: number): number };
  boundScan(h: number, steps: number): number;
  patternSearch(h: number, offering: number, rounds: number, keep: number, within: number): number;
  complete(h: number, orderCount: number, outWords: number, bend: number, noise: number): number;
  cheapest(h: number, from: number, counts: number): number;
}

export type KernelVariant = 'simd' | 'plain' | 'simd.debug' | 'plain.debug';

// (module (func (result v128) i32.const 0 i8x16.splat)): validates only where SIMD exists.
const simdProbe = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15,
  11,
]);

/** True if this engine runs 128-bit SIMD. */
export function hasSimd(): boolean {
  return WebAssembly.validate(simdProbe);
}

const compiled = new Map<KernelVariant, WebAssembly.Module>();

/** A fresh instance with a memory of its own; modules are compiled once per process. */
export function loadKernels(variant: KernelVariant = hasSimd() ? 'simd' : 'plain'): Kernels {
  let module = compiled.get(variant);
  if (module === undefined) {
    module = new WebAssembly.Module(readFileSync(assetPath(`build/wasm/${variant}.wasm`)));
    compiled.set(variant, module);
  }
  const instance = new WebAssembly.Instance(module, {
    env: {
      abort: (_message: number, _file: number, line: number, column: number): never => {
        throw new Error(`kernel assertion failed at ${line}:${column}`);
      },
    },
  });
  return { variant, ...(instance.exports as unknown as Omit<Kernels, 'variant'>) };
}
