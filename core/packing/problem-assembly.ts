/**
 * From rows, rooms and classes to the arrays of `problem.ts`.
 *
 * In: a draft in which all rules have been applied. Out: the problem and the names of its indices.
 * Offerings that hold no class are left out, existing nodes come first, in groups. It applies no
 * rule of its own.
 */
import type { Steps } from '../steps.ts';
import { type ClassDraft, type ClassSplit, canMeet } from './class-split.ts';
import type { DomainDraft, GroupDraft } from './domain-draft.ts';
import { type ExistingGroup, groupAlike, mergeSimilar } from './existing-groups.ts';
import type { ExistingNode } from './existing-nodes.ts';
import { MaskTable } from './mask-table.ts';
import type { NewCandidate, PlacementRow } from './placement-row.ts';
import type { Family } from './pod-families.ts';
import { type DomainGroup, type PackingProblem, unlimitedCount } from './problem.ts';
import type { ResourceAxis } from './resource-axis.ts';
import { limitRows, type SharedLimit } from './shared-limits.ts';
import type { NodeSharing } from './shared-quotas.ts';

export interface AssemblyInput {
  readonly axis: ResourceAxis;
  readonly families: readonly Family[];
  /** [family] pods to place; 0 for families that are left out. */
  readonly demand: Int32Array;
  /** [family] what one pod takes, for the plan and for the bound. */
  readonly requests: readonly Float64Array[];
  readonly boundRequests: readonly Float64Array[];
  readonly draft: DomainDraft;
  readonly split: ClassSplit;
  readonly sharing: NodeSharing;
  readonly candidates: readonly NewCandidate[];
  readonly nodes: readonly ExistingNode[];
  readonly maxExistingGroups: number;
  readonly limits: readonly SharedLimit[];
  readonly maxNodes: number | undefined;
  readonly steerNano: (candidate: NewCandidate) => number;
}

export interface Assembly {
  readonly problem: PackingProblem;
  /** [family of the problem] family of the input. */
  readonly families: readonly number[];
  readonly classes: readonly ClassDraft[];
  /** [offering] */
  readonly offerings: readonly (NewCandidate | ExistingGroup)[];
}

/** Whether an offering stands for existing nodes. */
export function isExisting(offering: NewCandidate | ExistingGroup): offering is ExistingGroup {
  return 'nodes' in offering;
}

/** Writes the problem. O(offerings x classes) at worst, mostly rows x classes + offerings. */
export function* assembleProblem(input: AssemblyInput): Steps<Assembly> {
  const { demand, split } = input;
  const kept = Array.from(demand.keys()).filter((family) => demand[family]! > 0);
  const newIndex = new Map(kept.map((family, index) => [family, index]));
  const writer = new OfferingWriter(input);
  const offerings = yield* writer.offerings();
  yield;
  const { classes } = split;
  const resources = input.axis.names.length + input.sharing.quotas.length;
  const candidates = offerings.map((one) => (isExisting(one) ? undefined : one));
  const problem: PackingProblem = {
    resourceNames: [...input.axis.names, ...input.sharing.quotas.map(({ name }) => name)],
    familyCount: kept.length,
    demand: Int32Array.from(kept, (family) => demand[family]!),
    priority: Float64Array.from(kept, (family) => input.families[family]!.priority),
    classCount: classes.length,
    familyOf: Int32Array.from(classes, ({ family }) => newIndex.get(family)!),
    ...requestArrays(input, resources),
    offeringCount: offerings.length,
    ...writer.capacityArrays(offerings, resources),
    priceNano: Float64Array.from(candidates, (one) => one?.priceNano ?? 0),
    steerNano: Float64Array.from(candidates, (one) =>
      one === undefined ? 0 : input.steerNano(one),
    ),
    available: Int32Array.from(offerings, (one) =>
      isExisting(one) ? one.nodes.length : unlimitedCount,
    ),
    ...writer.maskArrays(offerings),
    conflicts: conflictPairs(input),
    domainGroups: input.draft.groups.flatMap((group) => domainGroup(group, classes)),
    limits: limitRows(input.limits, candidates, input.maxNodes),
  };
  return { problem, families: kept, classes, offerings };
}

/** One pod of each class along all dimensions, quotas last. */
function requestArrays(input: AssemblyInput, resources: number) {
  const { classes } = input.split;
  const write = (requests: readonly Float64Array[]): Float64Array => {
    const array = new Float64Array(classes.length * resources);
    classes.forEach(({ family }, c) => {
      array.set(requests[family]!, c * resources);
      input.sharing.quotas.forEach((quota, q) => {
        if (quota.families.includes(family)) {
          array[c * resources + input.axis.names.length + q] = 1;
        }
      });
    });
    return array;
  };
  const request = write(input.requests);
  const isExact = classes.every(
    ({ family }) => input.requests[family] === input.boundRequests[family],
  );
  return { request, boundRequest: isExact ? request : write(input.boundRequests) };
}

/** Offerings with their masks. */
class OfferingWriter {
  readonly #input: AssemblyInput;
  readonly #masks = new MaskTable();
  readonly #maskOfRow = new Map<PlacementRow, number>();
  /** [mask] classes that some bin may hold, in the bound's reading. */
  readonly #classesOf = new Map<number, Int32Array>();

  constructor(input: AssemblyInput) {
    this.#input = input;
  }

  *offerings(): Steps<(NewCandidate | ExistingGroup)[]> {
    const { nodes, candidates, maxExistingGroups } = this.#input;
    const open: ExistingGroup[] = [];
    for (const { name, row, room, open: isOpen } of nodes) {
      const mask = isOpen ? this.#maskOf(row) : -1;
      if (mask >= 0 && this.#holdsSome(mask, room.bound)) {
        const quotas = this.#quotaRoom(row);
        const plan = Float64Array.of(...room.plan, ...quotas);
        const bound = room.bound === room.plan ? plan : Float64Array.of(...room.bound, ...quotas);
        open.push({ nodes: [name], mask, plan, bound });
      }
    }
    yield;
    const groups = mergeSimilar(groupAlike(open), maxExistingGroups, this.#masks);
    yield;
    const launched = candidates.filter(({ row, room }) =>
      this.#holdsSome(this.#maskOf(row), room.bound),
    );
    return [...groups, ...launched];
  }

  #maskOf(row: PlacementRow): number {
    let number = this.#maskOfRow.get(row);
    if (number === undefined) {
      const plan = this.#overClasses(row, row.limits);
      const bound = row.boundLimits === row.limits ? plan : this.#overClasses(row, row.boundLimits);
      number = this.#masks.number(plan, bound);
      this.#maskOfRow.set(row, number);
    }
    return number;
  }

  #overClasses(row: PlacementRow, limits: Uint16Array): Uint16Array {
    const { split, demand } = this.#input;
    const mask = new Uint16Array(split.classes.length);
    for (let family = 0; family < limits.length; family++) {
      if (limits[family]! > 0 && demand[family]! > 0) {
        const index = split.classIn(row, family);
        if (index >= 0) {
          mask[index] = limits[family]!;
        }
      }
    }
    return mask;
  }

  #holdsSome(mask: number, room: Float64Array): boolean {
    const { split, boundRequests } = this.#input;
    let classes = this.#classesOf.get(mask);
    if (classes === undefined) {
      const { bound } = this.#masks.masks[mask]!;
      classes = Int32Array.from(bound.keys()).filter((c) => bound[c]! > 0);
      this.#classesOf.set(mask, classes);
    }
    return classes.some((c) => {
      const request = boundRequests[split.classes[c]!.family]!;
      for (let r = 0; r < request.length; r++) {
        if (request[r]! > room[r]!) {
          return false;
        }
      }
      return true;
    });
  }

  #quotaRoom(row: PlacementRow): number[] {
    return this.#input.sharing.quotas.map(({ quota, used }) => Math.max(0, quota - used(row)));
  }

  capacityArrays(offerings: readonly (NewCandidate | ExistingGroup)[], resources: number) {
    const capacity = new Float64Array(offerings.length * resources);
    let isExact = true;
    offerings.forEach((one, o) => {
      if (isExisting(one)) {
        capacity.set(one.plan, o * resources);
        isExact &&= one.bound === one.plan;
        return;
      }
      capacity.set(one.room.plan, o * resources);
      capacity.set(this.#quotaRoom(one.row), o * resources + this.#input.axis.names.length);
      isExact &&= one.room.bound === one.room.plan;
    });
    if (isExact) {
      return { capacity, boundCapacity: capacity };
    }
    const boundCapacity = capacity.slice();
    offerings.forEach((one, o) => {
      boundCapacity.set(isExisting(one) ? one.bound : one.room.bound, o * resources);
    });
    return { capacity, boundCapacity };
  }

  /** Only masks that some offering uses are written. */
  maskArrays(offerings: readonly (NewCandidate | ExistingGroup)[]) {
    const classCount = this.#input.split.classes.length;
    const used = new Map<number, number>();
    const maskOf = Int32Array.from(offerings, (one) => {
      const number = isExisting(one) ? one.mask : this.#maskOf(one.row);
      const known = used.get(number) ?? used.size;
      used.set(number, known);
      return known;
    });
    const masks = new Uint16Array(used.size * classCount);
    let isExact = true;
    for (const [number, at] of used) {
      const { plan, bound } = this.#masks.masks[number]!;
      masks.set(plan, at * classCount);
      isExact &&= plan === bound;
    }
    let boundMasks = masks;
    if (!isExact) {
      boundMasks = new Uint16Array(masks.length);
      for (const [number, at] of used) {
        boundMasks.set(this.#masks.masks[number]!.bound, at * classCount);
      }
    }
    return { maskOf, maskCount: used.size, masks, boundMasks };
  }
}

/** Pairs of families as pairs of those of their classes that could meet. */
function conflictPairs({ split, sharing }: AssemblyInput): Int32Array {
  const classesOf = Map.groupBy(split.classes.keys(), (c) => split.classes[c]!.family);
  const pairs: number[] = [];
  for (const [a, b] of sharing.pairs) {
    for (const first of classesOf.get(a) ?? []) {
      for (const second of classesOf.get(b) ?? []) {
        if (canMeet(split.classes[first]!, split.classes[second]!)) {
          pairs.push(first, second);
        }
      }
    }
  }
  return Int32Array.from(pairs);
}

/** A group over classes; none if all its families are gone. */
function domainGroup(group: GroupDraft, classes: readonly ClassDraft[]): DomainGroup[] {
  const members = new Set(group.members);
  const own = Array.from(classes.keys()).filter((c) => members.has(classes[c]!.family));
  if (own.length === 0) {
    return [];
  }
  const { name, topologyKey, maxSkew, floorIsZero, boundSafe } = group;
  const domains = group.domains.map(({ value, existing, max }) => ({
    name: value ?? `no ${topologyKey}`,
    classes: Int32Array.from(own.filter((c) => classes[c]!.domain.get(topologyKey) === value)),
    existing,
    max,
  }));
  return [{ name, domains, maxSkew, floorIsZero, boundSafe }];
}
