// Loads and stores by name, made global by asc's --lib. The TypeScript reference
// (solver-wasm/host/reference.ts) gives the same names the same meaning over an ArrayBuffer, so the
// kernels below are one source that runs in both worlds.
export function f64At(p: i32): f64 {
  return load<f64>(p);
}
export function setF64(p: i32, v: f64): void {
  store<f64>(p, v);
}
export function i32At(p: i32): i32 {
  return load<i32>(p);
}
export function setI32(p: i32, v: i32): void {
  store<i32>(p, v);
}
export function u8At(p: i32): i32 {
  return load<u8>(p) as i32;
}
