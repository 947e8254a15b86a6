// The memory map that host and kernels share: a header of 32-bit words at address `h`, each a size
// or the address of an array. Refuses to know what the numbers mean.
//
//   h +  0 | n | nPad | R | O |            sizes: classes, classes rounded up to even, resources, offerings
//   h + 16 | boundReq | req |              f64[R][nPad] (by resource)   f64[n][R] (by class)
//   h + 24 | boundCap | cap |              f64[O][R]
//   h + 32 | price | target |              f64[O] money + steering      f64[O] what a pattern must beat
//   h + 40 | boundMany | many |            f64[O][nPad]                 i32[O][n]: most copies in a bin
//   h + 48 | lambda | upper |              f64[O][R] multipliers        f64[O] knapsack bounds
//   h + 56 | y | value |                   f64[nPad] duals              f64[n] values for filling
//   h + 64 | conflicts |                   u8[n][n] or 0
//   h + 68 | limitCount | limitWeight | limitLeft |   f64[L][O], f64[L]
//   h + 80 | countLeft |                   i32[O]: bins still allowed; 0x7fffffff = any number
//   h + 84 | rem |                         i32[n] demand still uncovered
//   h + 88 | scratchF | scratchI |         working room, sizes below
//   h + 96 | random |                      i32 state of the generator, never 0
//   h +100 | out |                         results, see each kernel
//   h +104 | order | scores | fresh |      i32[O]: offerings that a completion may open; f64[O], i32[O]
export const fN = 0;
export const fNPad = 4;
export const fR = 8;
export const fO = 12;
export const fBoundReq = 16;
export const fReq = 20;
export const fBoundCap = 24;
export const fCap = 28;
export const fPrice = 32;
export const fTarget = 36;
export const fBoundMany = 40;
export const fMany = 44;
export const fLambda = 48;
export const fUpper = 52;
export const fY = 56;
export const fValue = 60;
export const fConflicts = 64;
export const fLimitCount = 68;
export const fLimitWeight = 72;
export const fLimitLeft = 76;
export const fCountLeft = 80;
export const fRem = 84;
export const fScratchF = 88;
export const fScratchI = 92;
export const fRandom = 96;
export const fOut = 100;
export const fOrder = 104;
export const fScores = 108;
export const fFresh = 112;
export const headerBytes = 128;

// Most resource dimensions that the kernels are given (four basic ones, devices, exclusion groups).
export const maxResources = 24;
// scratchF holds f64[nPad] * scratchFVectors + f64[maxResources] * 8.
export const scratchFVectors = 6;
// scratchI holds i32[n] * scratchIVectors.
export const scratchIVectors = 8;
// Patterns that one search keeps.
export const maxPatterns = 16;
