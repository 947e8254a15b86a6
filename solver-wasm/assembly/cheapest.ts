// The cheapest offering that holds a given content.
//
// In: copies i32[n] at `c`, the offering `from` that holds it now. Out: the index of the cheapest
// offering without a count that holds it and weighs no more on any limit, or `from`.
// Work: O checks that mostly end at the price.
import {
  fCap,
  fCountLeft,
  fLimitCount,
  fLimitWeight,
  fMany,
  fN,
  fNPad,
  fO,
  fPrice,
  fR,
  fReq,
  fScratchF,
  maxResources,
  scratchFVectors,
} from './layout.ts';

export function cheapest(h: i32, from: i32, c: i32): i32 {
  const n = i32At(h + fN);
  const R = i32At(h + fR);
  const O = i32At(h + fO);
  const L = i32At(h + fLimitCount);
  const price = i32At(h + fPrice);
  const used = i32At(h + fScratchF) + i32At(h + fNPad) * 8 * scratchFVectors + maxResources * 56;
  for (let r = 0; r < R; r++) {
    let sum: f64 = 0.0;
    for (let i = 0; i < n; i++) {
      const k = i32At(c + i * 4);
      if (k > 0) sum = sum + (k as f64) * f64At(i32At(h + fReq) + (i * R + r) * 8);
    }
    setF64(used + r * 8, sum);
  }
  let best = f64At(price + from * 8);
  let pick = from;
  for (let o = 0; o < O; o++) {
    if (f64At(price + o * 8) >= best) continue;
    if (i32At(i32At(h + fCountLeft) + o * 4) !== 0x7fffffff) continue;
    let ok = true;
    const cap = i32At(h + fCap) + o * R * 8;
    for (let r = 0; r < R && ok; r++) if (f64At(cap + r * 8) < f64At(used + r * 8)) ok = false;
    const many = i32At(h + fMany) + o * n * 4;
    for (let i = 0; i < n && ok; i++) if (i32At(many + i * 4) < i32At(c + i * 4)) ok = false;
    for (let l = 0; l < L && ok; l++) {
      const w = i32At(h + fLimitWeight) + l * O * 8;
      if (f64At(w + o * 8) > f64At(w + from * 8)) ok = false;
    }
    if (ok) {
      best = f64At(price + o * 8);
      pick = o;
    }
  }
  return pick;
}
