/**
 * The packing problem: the one form in which every question reaches the solver.
 *
 * In: nothing but integers (held in Float64Array where 32 bits may not do; every value is an
 * integer below 2^53). Out: read by the solver, the verifier, the certificate checker and
 * first-fit alike. It knows nothing of pods, nodes or clouds: `model.ts` translates.
 *
 * Words. A *family* is a set of interchangeable pods (same requests, same constraint signature).
 * A *class* is a family, or the part of a family that stands in one domain (a zone, a capacity
 * type, or both) where a rule over domains makes the split matter. An *offering* is a bin type:
 * (NodePool, instance type, zone, capacity type), or one existing node (or a group of alike ones).
 *
 * Two readings. Some rules cannot be said linearly without being either too strict or too loose.
 * The plain arrays (`request`, `capacity`, `masks`) are what a *plan* must obey (never too loose);
 * the `bound*` arrays are what a *lower bound* may assume (never too strict). Where a rule is exact
 * both are the same array object.
 */

/** `masks` value for a class that no rule limits on an offering; resources still do. */
export const unlimitedPerBin = 0xffff;

/** `available` value of an offering of which any number may be launched. */
export const unlimitedCount = -1;

/** One domain (a zone, a capacity type) of a {@link DomainGroup}. */
export interface Domain {
  readonly name: string;
  /** Indices of the classes that put a pod of the group into this domain. */
  readonly classes: Int32Array;
  /** Pods of the group that stand here already. */
  readonly existing: number;
  /** Most pods of the group, existing ones included, that may stand here; `maxInt32` if no rule. */
  readonly max: number;
}

/** The largest 32-bit integer: "no rule" in {@link Domain.max} and {@link DomainGroup.maxSkew}. */
export const maxInt32 = 0x7fffffff;

/**
 * Pods counted together over domains: topology spread (maxSkew) or anti-affinity (max 1).
 *
 * Rule: for every domain z into which the plan puts a pod of the group,
 * count(z) <= max(z), and count(z) - m <= maxSkew, where count includes `existing` and m is the
 * smallest count over all domains of the group (0 if `floorIsZero`, i.e. minDomains is not met).
 * A domain without classes cannot receive pods but still counts in m.
 */
export interface DomainGroup {
  readonly name: string;
  readonly domains: readonly Domain[];
  /** `maxInt32` when the group has no skew rule. */
  readonly maxSkew: number;
  readonly floorIsZero: boolean;
  /** True if every legal plan obeys the rule as stated, so that the bound may use it. */
  readonly boundSafe: boolean;
}

/** A cap over bins: sum over bins of `weight[offering]` <= `max` (NodePool limits, max nodes). */
export interface LimitRow {
  readonly name: string;
  /** [offering], integers >= 0. */
  readonly weight: Float64Array;
  readonly max: number;
}

export interface PackingProblem {
  /** Names of the resource dimensions, `cpuMilli memoryMiB ephemeralMiB pods ...`. */
  readonly resourceNames: readonly string[];

  readonly familyCount: number;
  /** [family] pods to place. */
  readonly demand: Int32Array;
  /** [family] higher goes first when capacity is short; ties by index (lower first). */
  readonly priority: Float64Array;

  readonly classCount: number;
  /** [class] the family that it is part of. */
  readonly familyOf: Int32Array;
  /** [class x resource] what one pod takes, row-major. */
  readonly request: Float64Array;
  /** [class x resource], <= request. */
  readonly boundRequest: Float64Array;

  readonly offeringCount: number;
  /** [offering x resource] what pods may take together, row-major, >= 0. */
  readonly capacity: Float64Array;
  /** [offering x resource], >= capacity. */
  readonly boundCapacity: Float64Array;
  /** [offering] nano-USD per hour; 0 for existing nodes. */
  readonly priceNano: Float64Array;
  /** [offering] nano-USD per hour that steer the search but are not money (node cost, risk). */
  readonly steerNano: Float64Array;
  /** [offering] bins that may be opened; `unlimitedCount`, or >= 1. */
  readonly available: Int32Array;

  /** [offering] row of `masks`. */
  readonly maskOf: Int32Array;
  readonly maskCount: number;
  /** [mask x class] most pods of the class in one bin by rule: 0 = incompatible. */
  readonly masks: Uint16Array;
  /** [mask x class], >= masks. */
  readonly boundMasks: Uint16Array;

  /** Pairs of classes (a, b, a, b, ...) that may not share a bin. Not known to the bound. */
  readonly conflicts: Int32Array;
  readonly domainGroups: readonly DomainGroup[];
  readonly limits: readonly LimitRow[];
}
