// Marsaglia's xorshift32 over a state word in memory: the same sequence in WASM and TypeScript.
import { fRandom } from './layout.ts';

// Uniform in [0, 1).
export function random(h: i32): f64 {
  const p = h + fRandom;
  let x = i32At(p);
  x = x ^ (x << 13);
  x = x ^ (x >>> 17);
  x = x ^ (x << 5);
  setI32(p, x);
  return ((x >>> 1) as f64) * (1.0 / 2147483648.0);
}

// Uniform in 0 .. k-1 (k >= 1).
export function below(h: i32, k: i32): i32 {
  return Math.floor(random(h) * (k as f64)) as i32;
}
