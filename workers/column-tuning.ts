/**
 * The numbers that steer column generation, in one place: sizes of steps, searches and pools.
 *
 * They change how fast it gets where, never what is proven. Measured; see docs/DECISIONS.md.
 */

/** Work per step and thresholds; shares are of an offering's price. */
export const tuning = {
  /** Weight of the best duals so far in the point that is priced (Wentges). */
  smoothing: 0.8,
  smoothingStep: 0.15,
  /** Offerings searched for patterns per step, best ratio first. */
  offeringsPerStep: 40,
  /** Columns added per step at most. */
  columnsPerStep: 80,
  /** Ruin-and-recreate rounds and patterns kept per offering. */
  rounds: 10,
  keep: 2,
  roundsWhenFew: 60,
  keepWhenFew: 16,
  few: 8,
  /** Subgradient evaluations per offering and scan. */
  scanSteps: 12,
  /** From this step on a failed search adds a fluid column at once. */
  fluidFrom: 2,
  /** Bound mode: a step that adds fewer columns than this prices a second point. */
  thin: 30,
  /** While diving: scans and searches are shorter. */
  residualScanSteps: 8,
  residualRounds: 6,
  /** Weight of the guiding duals while patterns are priced. */
  guidance: 0.5,
  /** Enrichment: offerings whose bound is at least this share of their price, and how many. */
  enrichAbove: 0.98,
  enrichOfferings: 100,
  enrichRounds: 12,
  enrichKeep: 3,
  /** The LP this share below the proven bound contradicts it; how often that is put right. */
  contradiction: 1e-7,
  refutationsMax: 20,
  /** A column that priced out by more than this (share of cost) for `idleSteps` is dropped at a purge. */
  purgeAbove: 0.05,
  purgeSize: 4000,
} as const;

/**
 * `bound`: fractional contents, priced exactly, so that the bound converges.
 * `plan`: whole contents, searched for, so that plans can be rounded from the LP.
 */
export type Mode = 'bound' | 'plan';
