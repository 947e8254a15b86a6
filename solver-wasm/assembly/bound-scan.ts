// Upper bounds on the best pattern of every offering, by Lagrangian relaxation of its knapsack.
//
// In: duals y, multipliers of the last call as a warm start, `target` to stop early at.
// Out: `upper` [offering] and the multipliers that gave it. Valid for any multipliers >= 0, so float
// error only matters to speed: what is published is recomputed in integers elsewhere.
// Source: Polyak's subgradient step on  min_{l>=0} sum l*C + sum m*max(0, y - l*req).
// Two accumulators (even, odd classes) so that the SIMD kernel sums in the same order, bit for bit.
import {
  fBoundCap,
  fBoundMany,
  fBoundReq,
  fLambda,
  fNPad,
  fO,
  fR,
  fScratchF,
  fTarget,
  fUpper,
  fY,
  maxResources,
  scratchFVectors,
} from './layout.ts';

// One evaluation at multipliers `a`: returns the bound, leaves sum(active * req_r) in `g`.
// Work: (R + 1 + R) * n multiply-adds.
export function evaluatePlain(h: i32, o: i32, a: i32, g: i32): f64 {
  const n = i32At(h + fNPad);
  const R = i32At(h + fR);
  const y = i32At(h + fY);
  const req = i32At(h + fBoundReq);
  const many = i32At(h + fBoundMany) + o * n * 8;
  const cap = i32At(h + fBoundCap) + o * R * 8;
  const p = i32At(h + fScratchF);
  const active = p + n * 8;
  for (let i = 0; i < n; i++) setF64(p + i * 8, f64At(y + i * 8));
  let total: f64 = 0.0;
  for (let r = 0; r < R; r++) {
    const l = f64At(a + r * 8);
    if (l === 0.0) continue;
    total = total + l * f64At(cap + r * 8);
    const row = req + r * n * 8;
    for (let i = 0; i < n; i++) setF64(p + i * 8, f64At(p + i * 8) - l * f64At(row + i * 8));
  }
  let even: f64 = 0.0;
  let odd: f64 = 0.0;
  for (let i = 0; i < n; i += 2) {
    const p0 = f64At(p + i * 8);
    const m0: f64 = p0 > 0.0 ? f64At(many + i * 8) : 0.0;
    setF64(active + i * 8, m0);
    even = even + m0 * p0;
    const p1 = f64At(p + i * 8 + 8);
    const m1: f64 = p1 > 0.0 ? f64At(many + i * 8 + 8) : 0.0;
    setF64(active + i * 8 + 8, m1);
    odd = odd + m1 * p1;
  }
  for (let r = 0; r < R; r++) {
    const row = req + r * n * 8;
    let g0: f64 = 0.0;
    let g1: f64 = 0.0;
    for (let i = 0; i < n; i += 2) {
      g0 = g0 + f64At(active + i * 8) * f64At(row + i * 8);
      g1 = g1 + f64At(active + i * 8 + 8) * f64At(row + i * 8 + 8);
    }
    setF64(g + r * 8, g0 + g1);
  }
  return total + even + odd;
}

// Polyak steps for every offering; `evaluate` is the plain or the SIMD evaluation above.
// Stops an offering early once its bound is at most its target: that is all a caller needs.
// Returns the number of evaluations (the work counter). Work: O * steps evaluations at most.
export function scan(h: i32, steps: i32, evaluate: (h: i32, o: i32, a: i32, g: i32) => f64): i32 {
  const O = i32At(h + fO);
  const R = i32At(h + fR);
  const room = i32At(h + fScratchF) + i32At(h + fNPad) * 8 * scratchFVectors;
  const a = room; // multipliers tried
  const b = room + maxResources * 8; // best so far
  const g = room + maxResources * 16; // sum of active requests
  const e = room + maxResources * 24; // step direction
  let evaluations = 0;
  for (let o = 0; o < O; o++) {
    const lambda = i32At(h + fLambda) + o * R * 8;
    const cap = i32At(h + fBoundCap) + o * R * 8;
    const target = f64At(i32At(h + fTarget) + o * 8);
    const enough = target * (1.0 + 1e-9);
    for (let r = 0; r < R; r++) {
      const l = f64At(lambda + r * 8);
      setF64(a + r * 8, l);
      setF64(b + r * 8, l);
    }
    let best: f64 = 1.0e300;
    let pace: f64 = 1.0;
    let worse = 0;
    for (let step = 0; step < steps; step++) {
      evaluations++;
      const value = evaluate(h, o, a, g);
      if (value < best) {
        best = value;
        worse = 0;
        for (let r = 0; r < R; r++) setF64(b + r * 8, f64At(a + r * 8));
      } else {
        worse++;
        if (worse > 2) {
          pace = pace * 0.5;
          worse = 0;
          for (let r = 0; r < R; r++) setF64(a + r * 8, f64At(b + r * 8));
        }
      }
      if (best <= enough) break;
      // Direction in shares of capacity; components that push a zero multiplier down are dropped.
      let norm: f64 = 0.0;
      for (let r = 0; r < R; r++) {
        const c = f64At(cap + r * 8);
        let d: f64 = c > 0.0 ? 1.0 - f64At(g + r * 8) / c : 0.0;
        if (d > 0.0 && f64At(a + r * 8) <= 0.0) d = 0.0;
        setF64(e + r * 8, d);
        norm = norm + d * d;
      }
      if (norm < 1e-14) break;
      const aim = Math.max(target, best * (1.0 - 0.02 * pace));
      const length = (pace * Math.max(value - aim, 0.002 * best)) / norm;
      for (let r = 0; r < R; r++) {
        const c = f64At(cap + r * 8);
        if (c > 0.0)
          setF64(a + r * 8, Math.max(0.0, f64At(a + r * 8) - (length * f64At(e + r * 8)) / c));
      }
    }
    for (let r = 0; r < R; r++) setF64(lambda + r * 8, f64At(b + r * 8));
    setF64(i32At(h + fUpper) + o * 8, best);
  }
  return evaluations;
}
