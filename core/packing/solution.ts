/**
 * What the solver answers: bins with their contents, what it leaves out, and a proof.
 *
 * The certificate is a dual solution in integers. Anyone who has the problem can check it with
 * additions, multiplications and comparisons alone (`certificate.ts`); how it was found does not
 * matter. Units: nano-USD per hour; `fractionBits` (t) scales multipliers per resource unit.
 */

/** `copies` bins of one offering, all with the same contents. */
export interface Bin {
  readonly offering: number;
  /** Class indices, ascending, without repeats. */
  readonly classes: Int32Array;
  /** Pods of each of `classes`, >= 1. */
  readonly counts: Int32Array;
  readonly copies: number;
}

/**
 * Weak duality, in integers. With Y = `classDual`, L = multipliers of an offering, m = most copies
 * of a class in one bin (by mask, by each resource alone, by demand):
 *
 *   U(o) = sum_r L_r * boundCapacity_or + sum_c m_oc * max(0, Y_c * 2^t - sum_r L_r * boundRequest_cr)
 *
 * Valid if U(o) <= (price_o + sum_limits mu_l * weight_lo) * 2^t for every offering without a count.
 * Then with s_c = sum of `domainDual` over the rows that class c stands in,
 *
 *   bound = sum_f demand_f * min over classes c of f of (Y_c - s_c)
 *         + sum_rows (dual > 0 ? dual * rowMin : dual * rowMax)
 *         - sum_limits mu_l * max_l
 *         - sum over counted offerings of available_o * max(0, U(o) / 2^t - price_o - mu * weight_o)
 *
 * and may be rounded up to a multiple of the greatest common divisor of all prices.
 */
export interface Certificate {
  /** [family] the demand that it speaks of: what the plan places. */
  readonly demand: readonly number[];
  readonly fractionBits: number;
  /** [class] Y, nano-USD per pod, >= 0. */
  readonly classDual: readonly number[];
  /** [group][domain] nano-USD per pod, any sign; 0 or absent where no row is used. */
  readonly domainDual: readonly (readonly number[])[];
  /** [limit] mu, nano-USD per unit of weight times 2^fractionBits, >= 0. */
  readonly limitDual: readonly number[];
  /** Distinct multiplier vectors [resource], nano-USD per unit times 2^fractionBits, >= 0. */
  readonly multipliers: readonly (readonly number[])[];
  /** [offering] index into `multipliers`. */
  readonly multiplierOf: readonly number[];
  /** Offerings whose U(o) is an exact two-resource knapsack instead (see `tables`), if any. */
  readonly tables: readonly KnapsackTableClaim[];
}

/**
 * Claim that for these offerings U(o) may be taken from a bounded knapsack over two resources,
 * requests rounded down and capacities rounded down to the grid (both keep it an upper bound).
 */
export interface KnapsackTableClaim {
  readonly offerings: readonly number[];
  readonly resources: readonly [number, number];
  readonly grid: readonly [number, number];
}

/** `optimal`: cost equals the bound or an exhaustive search; `certified`: the gap is proven. */
export type Proof = 'certified' | 'optimal' | 'unproven';

export interface SolverStats {
  readonly classes: number;
  readonly offerings: number;
  /** Offerings left after dominance pruning. */
  readonly offeringsKept: number;
  readonly columns: number;
  readonly iterations: number;
  readonly wallMs: number;
  /** Milliseconds per phase, by name. */
  readonly phases: Readonly<Record<string, number>>;
  readonly seed: number;
  /** Why it stopped: the gap was reached, the search ran dry, or time was up. */
  readonly stoppedBy: 'gap' | 'exhausted' | 'deadline' | 'aborted';
  /** Anytime curve: [ms since start, cost nano, lower bound nano] at each improvement. */
  readonly curve: readonly (readonly [number, number, number])[];
}

export interface PackingSolution {
  readonly bins: readonly Bin[];
  /** [family] pods that found no place (limits, counts, infeasible together). */
  readonly unserved: Int32Array;
  /** Sum of prices of the bins, nano-USD per hour. */
  readonly costNano: number;
  /** Proven lower bound on the price of any plan for the served pods, nano-USD per hour. */
  readonly lowerBoundNano: number;
  readonly proof: Proof;
  readonly certificate: Certificate | null;
  readonly stats: SolverStats;
}

export interface SolveOptions {
  /** Stop when (cost - bound) / cost is at most this. */
  readonly gap: number;
  readonly timeLimitMs: number;
  readonly seed: number;
  /** Worker threads: 1, or 2 (one raises the bound while the other lowers the plan). */
  readonly threads: number;
  readonly master: 'glpk' | 'highs';
}

/** Told whenever the plan or the bound improves. */
export type SolveProgress = (elapsedMs: number, costNano: number, lowerBoundNano: number) => void;
