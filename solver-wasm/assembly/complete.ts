// Covers what is left (`rem`) with bins, cheapest per value first: the configuration greedy.
//
// In: `rem` [n], `value` [n], the offerings that may be opened (`order`, first `orderCount`), the
// counts and limits still left. Out (at fOut): i32 bin groups, then per group
//   | offering | copies | entries | (class, count) x entries |
// `rem`, counts and limits are updated in place. Stops when nothing is left, nothing fits, or
// `outWords` would overflow. Returns pods left. Work: a few fillings per group.
import {
  fCap,
  fCountLeft,
  fFresh,
  fLimitCount,
  fLimitLeft,
  fLimitWeight,
  fN,
  fNPad,
  fO,
  fOrder,
  fOut,
  fPrice,
  fR,
  fRem,
  fScores,
  fScratchF,
  fScratchI,
  fValue,
  maxResources,
  scratchFVectors,
} from './layout.ts';
import { refill } from './refill.ts';

// Bins of offering o that counts and limits still allow.
export function binsLeft(h: i32, o: i32): i32 {
  let left = i32At(i32At(h + fCountLeft) + o * 4);
  const L = i32At(h + fLimitCount);
  const O = i32At(h + fO);
  for (let l = 0; l < L; l++) {
    const w = f64At(i32At(h + fLimitWeight) + (l * O + o) * 8);
    if (w > 0.0) {
      const q = Math.floor(f64At(i32At(h + fLimitLeft) + l * 8) / w);
      if (q < (left as f64)) left = Math.max(0.0, q) as i32;
    }
  }
  return left;
}

// `noise` perturbs the values; `bend` as in refill.
export function complete(h: i32, orderCount: i32, outWords: i32, bend: i32, noise: f64): i32 {
  const n = i32At(h + fN);
  const nPad = i32At(h + fNPad);
  const R = i32At(h + fR);
  const O = i32At(h + fO);
  const L = i32At(h + fLimitCount);
  const rem = i32At(h + fRem);
  const out = i32At(h + fOut);
  const order = i32At(h + fOrder);
  const ints = i32At(h + fScratchI);
  const current = ints;
  const best = ints + n * 4;
  const active = ints + n * 8;
  const worth = i32At(h + fScratchF) + nPad * 16;
  const free = i32At(h + fScratchF) + nPad * 8 * scratchFVectors + maxResources * 40;
  const scores = i32At(h + fScores);
  const fresh = i32At(h + fFresh);
  let left = 0;
  for (let i = 0; i < n; i++) left += i32At(rem + i * 4);
  let words = 1;
  let groups = 0;
  for (let t = 0; t < orderCount; t++) setF64(scores + t * 8, 0.0);
  while (left > 0) {
    let bestScore: f64 = 1e300;
    let pick = -1;
    for (let t = 0; t < orderCount; t++) setI32(fresh + t * 4, 0);
    for (;;) {
      // What is left only shrinks, so an old score is (nearly) the best that an offering can still
      // do: only the front-runner is evaluated again, until it stays in front.
      let front: f64 = 1e299;
      let at = -1;
      for (let t = 0; t < orderCount; t++) {
        const s = f64At(scores + t * 8);
        if (s < front) {
          front = s;
          at = t;
        }
      }
      if (at < 0) break;
      if (i32At(fresh + at * 4) !== 0) break;
      setI32(fresh + at * 4, 1);
      const o = i32At(order + at * 4);
      let score: f64 = 1e300;
      if (binsLeft(h, o) >= 1) {
        for (let i = 0; i < n; i++) setI32(current + i * 4, 0);
        for (let r = 0; r < R; r++) setF64(free + r * 8, f64At(i32At(h + fCap) + (o * R + r) * 8));
        const value = refill(
          h,
          o,
          current,
          free,
          bend,
          noise,
          i32At(h + fValue),
          rem,
          active,
          worth,
        );
        if (value > 0.0) score = (f64At(i32At(h + fPrice) + o * 8) + 1e-3) / value;
      }
      setF64(scores + at * 8, score);
      if (score < bestScore) {
        bestScore = score;
        pick = o;
        for (let i = 0; i < n; i++) setI32(best + i * 4, i32At(current + i * 4));
      }
    }
    if (pick < 0) break;
    let copies = binsLeft(h, pick);
    let entries = 0;
    for (let i = 0; i < n; i++) {
      const c = i32At(best + i * 4);
      if (c === 0) continue;
      entries++;
      const q = Math.floor((i32At(rem + i * 4) as f64) / (c as f64)) as i32;
      if (q < copies) copies = q;
    }
    if (words + 3 + entries * 2 > outWords) break;
    setI32(out + words * 4, pick);
    setI32(out + words * 4 + 4, copies);
    setI32(out + words * 4 + 8, entries);
    words += 3;
    for (let i = 0; i < n; i++) {
      const c = i32At(best + i * 4);
      if (c === 0) continue;
      setI32(out + words * 4, i);
      setI32(out + words * 4 + 4, c);
      words += 2;
      setI32(rem + i * 4, i32At(rem + i * 4) - c * copies);
      left -= c * copies;
    }
    const count = i32At(h + fCountLeft) + pick * 4;
    if (i32At(count) !== 0x7fffffff) setI32(count, i32At(count) - copies);
    for (let l = 0; l < L; l++) {
      const w = f64At(i32At(h + fLimitWeight) + (l * O + pick) * 8);
      const p = i32At(h + fLimitLeft) + l * 8;
      if (w > 0.0) setF64(p, f64At(p) - w * (copies as f64));
    }
    groups++;
  }
  setI32(out, groups);
  return left;
}
