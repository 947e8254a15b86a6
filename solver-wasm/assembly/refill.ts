// Filling one bin greedily with weights that follow what runs out.
//
// In: values per class, the offering's multipliers (how scarce each resource is), what is free.
// Out: copies added in place, the value gained. Shared by the pattern search and the completion.
// Source: value density with weights lambda_r/C_r * (C_r/free_r)^g, filled in chunks (solver.md 1e).

import {
  fCap,
  fConflicts,
  fLambda,
  fMany,
  fN,
  fNPad,
  fR,
  fReq,
  fScratchF,
  maxResources,
  scratchFVectors,
} from './layout.ts';
import { random } from './random.ts';

// True if class i may not stand beside what `c` holds already.
export function clashes(h: i32, c: i32, i: i32): boolean {
  const conflicts = i32At(h + fConflicts);
  if (conflicts === 0) return false;
  const n = i32At(h + fN);
  const row = conflicts + i * n;
  for (let j = 0; j < n; j++) if (u8At(row + j) !== 0 && i32At(c + j * 4) > 0) return true;
  return false;
}

// Most copies of class i: by rule, resources and (if given) by what is left to place.
function capOf(many: i32, rem: i32, i: i32): i32 {
  const m = i32At(many + i * 4);
  if (rem === 0) return m;
  const left = i32At(rem + i * 4);
  return left < m ? left : m;
}

// Adds to `c` (copies) within `free` [R] until nothing of value fits; returns the value added.
// `values` [n] is what a copy is worth; `rem` [n] caps copies beside `many` (0: no such cap).
// `bend`: how strongly a resource that runs out becomes dear (0: root, 1: linear, 2: square).
// `active` i32[n] and `worth` f64[n] are working room. Work: about 30 steps over what still fits.
export function refill(
  h: i32,
  o: i32,
  c: i32,
  free: i32,
  bend: i32,
  noise: f64,
  values: i32,
  rem: i32,
  active: i32,
  worth: i32,
): f64 {
  const n = i32At(h + fN);
  const R = i32At(h + fR);
  const req = i32At(h + fReq);
  const cap = i32At(h + fCap) + o * R * 8;
  const lambda = i32At(h + fLambda) + o * R * 8;
  const many = i32At(h + fMany) + o * n * 4;
  const room = i32At(h + fScratchF) + i32At(h + fNPad) * 8 * scratchFVectors;
  const weight = room + maxResources * 32;
  const exclusive = i32At(h + fConflicts) !== 0;
  let share: f64 = 0.0;
  for (let r = 0; r < R; r++) share = share + f64At(lambda + r * 8) * f64At(cap + r * 8);
  let count = 0;
  for (let i = 0; i < n; i++) {
    if (i32At(c + i * 4) >= capOf(many, rem, i)) continue;
    const v = f64At(values + i * 8);
    if (v <= 1e-12) continue;
    const q = req + i * R * 8;
    let fits = true;
    for (let r = 0; r < R; r++)
      if (f64At(q + r * 8) > f64At(free + r * 8)) {
        fits = false;
        break;
      }
    if (!fits) continue;
    setI32(active + count * 4, i);
    setF64(worth + i * 8, noise > 0.0 ? v * (1.0 + noise * (random(h) - 0.5)) : v);
    count++;
  }
  let gained: f64 = 0.0;
  while (count > 0) {
    for (let r = 0; r < R; r++) {
      const size = f64At(cap + r * 8);
      const left = f64At(free + r * 8);
      let w: f64 = 0.0;
      if (size > 0.0 && left > 0.0) {
        const part: f64 = share > 0.0 ? (f64At(lambda + r * 8) * size) / share : 0.0;
        const scarce = size / left;
        const rise: f64 = bend === 1 ? scarce : bend === 2 ? scarce * scarce : Math.sqrt(scarce);
        w = (Math.max(part, 0.004) / size) * rise;
      }
      setF64(weight + r * 8, w);
    }
    let best: f64 = -1.0;
    let pick = -1;
    let kept = 0;
    for (let t = 0; t < count; t++) {
      const i = i32At(active + t * 4);
      if (i32At(c + i * 4) >= capOf(many, rem, i)) continue;
      const q = req + i * R * 8;
      let fits = true;
      let load: f64 = 1e-300;
      for (let r = 0; r < R; r++) {
        const x = f64At(q + r * 8);
        if (x > f64At(free + r * 8)) {
          fits = false;
          break;
        }
        load = load + f64At(weight + r * 8) * x;
      }
      if (!fits) continue;
      if (exclusive && clashes(h, c, i)) continue;
      setI32(active + kept * 4, i);
      kept++;
      const density = f64At(worth + i * 8) / load;
      if (density > best) {
        best = density;
        pick = i;
      }
    }
    count = kept;
    if (pick < 0) break;
    // At most a sixth of what is left a step, so that the weights can follow.
    const q = req + pick * R * 8;
    let copies = capOf(many, rem, pick) - i32At(c + pick * 4);
    for (let r = 0; r < R; r++) {
      const x = f64At(q + r * 8);
      if (x > 0.0) {
        const fit = f64At(free + r * 8) / x;
        if (fit < (copies as f64)) copies = Math.floor(fit) as i32;
        const slice = Math.max(1.0, Math.floor(fit / 6.0));
        if (slice < (copies as f64)) copies = slice as i32;
      }
    }
    if (copies < 1) copies = 1;
    setI32(c + pick * 4, i32At(c + pick * 4) + copies);
    gained = gained + (copies as f64) * f64At(values + pick * 8);
    for (let r = 0; r < R; r++)
      setF64(free + r * 8, f64At(free + r * 8) - (copies as f64) * f64At(q + r * 8));
  }
  return gained;
}
