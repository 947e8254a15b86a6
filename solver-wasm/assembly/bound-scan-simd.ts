// The evaluation of bound-scan.ts on two lanes at a time: lane 0 sums even classes, lane 1 odd ones,
// so that the result equals the plain kernel's bit for bit. AssemblyScript only.
import { fBoundCap, fBoundMany, fBoundReq, fNPad, fR, fScratchF, fY } from './layout.ts';

export function evaluateSimd(h: i32, o: i32, a: i32, g: i32): f64 {
  const bytes = load<i32>(h + fNPad) * 8;
  const R = load<i32>(h + fR);
  const y = load<i32>(h + fY);
  const req = load<i32>(h + fBoundReq);
  const many = load<i32>(h + fBoundMany) + o * bytes;
  const cap = load<i32>(h + fBoundCap) + o * R * 8;
  const p = load<i32>(h + fScratchF);
  const active = p + bytes;
  const zero = f64x2.splat(0.0);
  memory.copy(p, y, bytes);
  let total: f64 = 0.0;
  for (let r = 0; r < R; r++) {
    const l = load<f64>(a + r * 8);
    if (l === 0.0) continue;
    total = total + l * load<f64>(cap + r * 8);
    const row = req + r * bytes;
    const splat = f64x2.splat(l);
    for (let i = 0; i < bytes; i += 16) {
      v128.store(p + i, f64x2.sub(v128.load(p + i), f64x2.mul(splat, v128.load(row + i))));
    }
  }
  let sum = zero;
  for (let i = 0; i < bytes; i += 16) {
    const q = v128.load(p + i);
    const m = v128.and(f64x2.gt(q, zero), v128.load(many + i));
    v128.store(active + i, m);
    sum = f64x2.add(sum, f64x2.mul(m, q));
  }
  for (let r = 0; r < R; r++) {
    const row = req + r * bytes;
    let s = zero;
    for (let i = 0; i < bytes; i += 16) {
      s = f64x2.add(s, f64x2.mul(v128.load(active + i), v128.load(row + i)));
    }
    store<f64>(g + r * 8, f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1));
  }
  return total + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
