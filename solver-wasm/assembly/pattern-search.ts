// Patterns of high value for one offering: adaptive-weight greedy, then ruin and recreate.
//
// In: duals y, the offering's multipliers (how scarce each resource is), most copies `many`.
// Out (at fOut): i32 count, then per pattern f64 value and i32[n] copies, best first, all distinct.
// Source: the ruin and recreate principle of Schrimpf et al. (2000) over `refill`.
//
//   out:  | count | (pad) | slot 0: value f64 | i32 copies[nPad] | slot 1 ...

import {
  fCap,
  fN,
  fNPad,
  fOut,
  fR,
  fRem,
  fReq,
  fScratchF,
  fScratchI,
  fY,
  maxPatterns,
  maxResources,
  scratchFVectors,
} from './layout.ts';
import { below, random } from './random.ts';
import { refill } from './refill.ts';

const slotHead: i32 = 8;

function slotAt(h: i32, k: i32): i32 {
  return i32At(h + fOut) + 8 + k * (slotHead + i32At(h + fNPad) * 4);
}

// Keeps `c` (copies [n]) among the best `keep` distinct patterns.
function offer(h: i32, c: i32, value: f64, keep: i32): void {
  const n = i32At(h + fN);
  const out = i32At(h + fOut);
  const count = i32At(out);
  if (count === keep && value <= f64At(slotAt(h, count - 1))) return;
  for (let k = 0; k < count; k++) {
    const slot = slotAt(h, k);
    const difference = f64At(slot) - value;
    if (difference > value * 1e-9 || -difference > value * 1e-9) continue;
    let same = true;
    for (let i = 0; i < n && same; i++)
      if (i32At(slot + slotHead + i * 4) !== i32At(c + i * 4)) same = false;
    if (same) return;
  }
  let k = count < keep ? count : keep - 1;
  if (count < keep) setI32(out, count + 1);
  for (; k > 0 && f64At(slotAt(h, k - 1)) < value; k--) {
    const from = slotAt(h, k - 1);
    const to = slotAt(h, k);
    setF64(to, f64At(from));
    for (let i = 0; i < n; i++) setI32(to + slotHead + i * 4, i32At(from + slotHead + i * 4));
  }
  const slot = slotAt(h, k);
  setF64(slot, value);
  for (let i = 0; i < n; i++) setI32(slot + slotHead + i * 4, i32At(c + i * 4));
}

// Searches patterns of offering o; keeps the `keep` best (<= maxPatterns). Returns how many.
// Work: (rounds + 1) fillings of about 30 steps over the compatible classes.
// `within`: 1 to hold no more of a class than `rem` says, 0 for no such cap.
export function patternSearch(h: i32, o: i32, rounds: i32, keep: i32, within: i32): i32 {
  const rem = within === 0 ? 0 : i32At(h + fRem);
  const n = i32At(h + fN);
  const nPad = i32At(h + fNPad);
  const R = i32At(h + fR);
  const y = i32At(h + fY);
  const req = i32At(h + fReq);
  const cap = i32At(h + fCap) + o * R * 8;
  const ints = i32At(h + fScratchI);
  const current = ints;
  const best = ints + n * 4;
  const active = ints + n * 8;
  const worth = i32At(h + fScratchF) + nPad * 16;
  const room = i32At(h + fScratchF) + nPad * 8 * scratchFVectors;
  const free = room + maxResources * 40;
  const bestFree = room + maxResources * 48;
  if (keep > maxPatterns) keep = maxPatterns;
  setI32(i32At(h + fOut), 0);
  for (let i = 0; i < n; i++) setI32(current + i * 4, 0);
  for (let r = 0; r < R; r++) setF64(free + r * 8, f64At(cap + r * 8));
  let value = refill(h, o, current, free, 1, 0.0, y, rem, active, worth);
  if (value <= 0.0) return 0;
  offer(h, current, value, keep);
  let bestValue = value;
  for (let i = 0; i < n; i++) setI32(best + i * 4, i32At(current + i * 4));
  for (let r = 0; r < R; r++) setF64(bestFree + r * 8, f64At(free + r * 8));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < n; i++) setI32(current + i * 4, i32At(best + i * 4));
    for (let r = 0; r < R; r++) setF64(free + r * 8, f64At(bestFree + r * 8));
    value = bestValue;
    const fraction = 0.05 + 0.35 * random(h);
    for (let i = 0; i < n; i++) {
      const held = i32At(current + i * 4);
      if (held === 0 || random(h) >= fraction) continue;
      const gone = random(h) < 0.5 ? held : 1 + below(h, held);
      setI32(current + i * 4, held - gone);
      value = value - (gone as f64) * f64At(y + i * 8);
      for (let r = 0; r < R; r++)
        setF64(free + r * 8, f64At(free + r * 8) + (gone as f64) * f64At(req + (i * R + r) * 8));
    }
    const bend = below(h, 3);
    const noise = 0.3 * random(h);
    value = value + refill(h, o, current, free, bend, noise, y, rem, active, worth);
    if (value > bestValue * (1.0 + 1e-9)) {
      bestValue = value;
      for (let i = 0; i < n; i++) setI32(best + i * 4, i32At(current + i * 4));
      for (let r = 0; r < R; r++) setF64(bestFree + r * 8, f64At(free + r * 8));
      offer(h, current, value, keep);
    } else if (value > bestValue * 0.995) {
      offer(h, current, value, keep);
    }
  }
  return i32At(i32At(h + fOut));
}
