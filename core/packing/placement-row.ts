/**
 * Placement rows: places that all families see alike.
 *
 * In: nothing. Out: types and small helpers. Offerings of one pool whose labels no pod can tell
 * apart share a row if they run the same DaemonSets, and so do existing nodes. Rules are evaluated
 * once for each row and family; rows become masks in the end.
 */
import type { Taint, Toleration } from '../api/kubernetes.ts';
import type { HostPort } from '../scheduling/host-ports.ts';
import { firstUntoleratedTaint, taintText } from '../scheduling/taints.ts';
import type { CapacityType, InstanceType, ReservedCapacity } from '../state/instance-type.ts';
import type { Family } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';
import { unlimitedPerBin } from './problem.ts';

/** Pods that stand on a node whatever the plan says. */
export interface Residents {
  readonly ports: readonly HostPort[];
  /** Scope number -> residents that it looks at. */
  readonly scopeCounts: ReadonlyMap<number, number>;
  /** The same without residents that are being deleted; the same object where there are none. */
  readonly stayingCounts: ReadonlyMap<number, number>;
  /** Scopes whose pods a resident refuses to share its node with. */
  readonly foes: ReadonlySet<number>;
}

const nobody: ReadonlyMap<number, number> = new Map();

export const noResidents: Residents = {
  ports: [],
  scopeCounts: nobody,
  stayingCounts: nobody,
  foes: new Set(),
};

/** A kind of place. */
export interface PlacementRow {
  readonly index: number;
  /** The pool that would launch it; undefined for an existing node. */
  readonly template: PoolTemplate | undefined;
  /** [selection] 1 if its nodes are admitted. */
  readonly selected: Uint8Array;
  /** [tolerations] 1 if its taints are tolerated. */
  readonly tolerated: Uint8Array;
  readonly residents: Residents;
  /** Topology key -> value, for the keys that rules use; a missing entry is a missing label. */
  readonly domains: ReadonlyMap<string, string>;
  /** [family] most pods in one bin, as a plan must obey it. */
  readonly limits: Uint16Array;
  /** [family] most pods in one bin, as a bound may assume it; `limits` itself where they agree. */
  boundLimits: Uint16Array;
}

/** Room of a bin: the plan's reading and the bound's (the same object where they agree). */
export interface Room {
  readonly plan: Float64Array;
  readonly bound: Float64Array;
}

/** A node that may be launched. */
export interface NewCandidate {
  readonly row: PlacementRow;
  readonly template: PoolTemplate;
  readonly type: InstanceType;
  readonly zone: string;
  readonly capacityType: CapacityType;
  readonly priceNano: number;
  /** Whose capacity it uses; undefined if anybody's. */
  readonly reservation: ReservedCapacity | undefined;
  readonly daemonSets: readonly string[];
  room: Room;
}

/** Evaluates every rule on every row for every family. O(rows x families x rules). */
export interface PlacementRule {
  /** What excludes a pod, for reasons: `node selector or affinity`, `taints`, ... */
  readonly name: string;
  /** Most pods of the family in one bin of the row; 0 if none, `unlimitedPerBin` if no rule. */
  readonly perBin: (row: PlacementRow, family: Family) => number;
}

/** Fills the limits of all rows by the strictest rule. */
export function applyPlacementRules(
  rows: readonly PlacementRow[],
  families: readonly Family[],
  rules: readonly PlacementRule[],
): void {
  for (const row of rows) {
    for (const family of families) {
      let limit = unlimitedPerBin;
      for (const rule of rules) {
        limit = Math.min(limit, rule.perBin(row, family));
        if (limit === 0) {
          break;
        }
      }
      row.limits[family.index] = limit;
    }
  }
}

/** [tolerations] whether each list of tolerations covers all taints. */
export function toleratedBy(
  taints: readonly Taint[],
  tolerations: readonly (readonly Toleration[])[],
): Uint8Array {
  return Uint8Array.from(tolerations, (list) =>
    firstUntoleratedTaint(taints, list) === undefined ? 1 : 0,
  );
}

/** A text that is equal for taint lists that keep away the same pods. */
export function taintsText(taints: readonly Taint[]): string {
  return taints
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .map(taintText)
    .sort()
    .join();
}
