/**
 * A plan as shelves of bins: what the page draws.
 *
 * In: a Plan, and what is known of its pods and nodes in integers. Out: plain data, small even for
 * 100,000 pods: nodes with the same offering and the same contents are one bin with several
 * names, and the pods of one shape in a bin are one slab with a count. It knows no colours, pixels
 * or markup.
 */
import type { Plan, PlannedOffering } from '../../core/packing/plan.ts';
import type { Resources } from '../../core/scheduling/resources.ts';

/** Pod names that the drawing carries; beyond, bins tell counts only and the page stays small. */
export const drawnPodNamesMax = 20_000;

/** Substitutes told per bin: a reader compares a few, a launch takes them from the plan. */
export const drawnSubstitutesMax = 8;

/** What all pods of one template have in common. One object per template, shared. */
export interface PodShape {
  /** As people know it, `namespace/name` of the Deployment, Job or the like. */
  readonly workload: string;
  readonly requests: Resources;
}

/** What is known of a node, planned or existing. */
export interface NodeFacts {
  readonly nodePool: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: string;
  readonly allocatable: Resources;
  /** What DaemonSets (and, on existing nodes, pods outside the input) take of it. */
  readonly overhead: Resources;
}

/** Look-ups by the names that the plan uses. */
export interface DrawingFacts {
  readonly shapeOf: (pod: string) => PodShape | undefined;
  readonly nodeOf: (name: string) => NodeFacts | undefined;
}

/** Pods of one shape in one bin: index of the shape, how many, dominant share of one pod. */
export type Slab = readonly [shape: number, count: number, share: number];

export interface DrawnBin {
  readonly names: readonly string[];
  readonly zone: string;
  readonly pricePerHour: number;
  readonly slabs: readonly Slab[];
  /** Dominant share of what DaemonSets take. */
  readonly overheadShare: number;
  /** [resource] used part of what is allocatable, DaemonSets included; 0 to 1. */
  readonly used: readonly number[];
  readonly substitutes: readonly PlannedOffering[];
  /** Names of the pods of all nodes of the bin; empty when the drawing carries no names. */
  readonly pods: readonly string[];
}

/** All bins of one offering but for its zone. */
export interface Shelf {
  readonly existing: boolean;
  readonly nodePool: string;
  readonly instanceType: string;
  readonly capacityType: string;
  /** [resource], canonical integers. */
  readonly allocatable: readonly number[];
  readonly bins: readonly DrawnBin[];
}

export interface PlanDrawing {
  /** Resources that gauges tell of: cpu, memory, those of devices, pods. */
  readonly resources: readonly string[];
  /** Most used first, so that the strongest colours go to what covers most. */
  readonly workloads: readonly { readonly name: string; readonly pods: number }[];
  readonly shapes: readonly { readonly workload: number; readonly requests: Resources }[];
  /** New nodes by what they cost together, dearest first; then existing nodes. */
  readonly shelves: readonly Shelf[];
}

/** Linear in the pods of the plan. Pods without a known shape are drawn as workload `other`. */
export function drawPlan(plan: Plan, facts: DrawingFacts): PlanDrawing {
  const book = new ShapeBook(facts);
  const withNames = podCount(plan) <= drawnPodNamesMax;
  const resources = gaugedResources(plan, facts);
  const shelves = new Map<string, ShelfDraft>();
  const shelve = (name: string, pods: readonly string[], node: NodeFacts, offer: Offer) => {
    const key = [offer.existing, node.nodePool, node.instanceType, node.capacityType].join('\n');
    let shelf = shelves.get(key);
    if (shelf === undefined) {
      shelf = { existing: offer.existing, node, bins: new Map() };
      shelves.set(key, shelf);
    }
    const counts = book.count(pods, node.allocatable);
    const contents = [...counts].map(([shape, { count }]) => `${shape}x${count}`).join(' ');
    const binKey = [node.zone, offer.pricePerHour, contents].join('\n');
    const known = shelf.bins.get(binKey);
    if (known === undefined) {
      shelf.bins.set(binKey, {
        names: [name],
        zone: node.zone,
        pricePerHour: offer.pricePerHour,
        slabs: [...counts].map(([shape, { count, share }]) => [shape, count, share]),
        overheadShare: dominantShare(node.overhead, node.allocatable),
        used: resources.map((resource) => book.used(resource, counts, node)),
        substitutes: offer.substitutes.slice(0, drawnSubstitutesMax),
        pods: withNames ? [...pods] : [],
      });
    } else {
      known.names.push(name);
      if (withNames) known.pods.push(...pods);
    }
  };
  for (const node of plan.nodes) {
    const known = facts.nodeOf(node.name);
    if (known !== undefined) shelve(node.name, node.pods, known, { existing: false, ...node });
  }
  for (const { node, pods } of plan.existing) {
    const known = facts.nodeOf(node);
    const offer = { existing: true, pricePerHour: 0, substitutes: [] };
    if (known !== undefined) shelve(node, pods, known, offer);
  }
  return { resources, ...book.close(), shelves: finishShelves([...shelves.values()], resources) };
}

interface Offer {
  readonly existing: boolean;
  readonly pricePerHour: number;
  readonly substitutes: readonly PlannedOffering[];
}

type BinDraft = DrawnBin & { readonly names: string[]; readonly pods: string[] };

interface ShelfDraft {
  readonly existing: boolean;
  readonly node: NodeFacts;
  readonly bins: Map<string, BinDraft>;
}

type ShapeCounts = Map<number, { count: number; readonly share: number }>;

/** Numbers shapes and workloads in order of appearance and counts what they cover. */
class ShapeBook {
  readonly #facts: DrawingFacts;
  readonly #indexOf = new Map<PodShape, number>();
  readonly #shapes: PodShape[] = [];
  readonly #pods: number[] = [];
  readonly #cover: number[] = [];
  readonly #unknown: PodShape = { workload: 'other', requests: { pods: 1 } };

  constructor(facts: DrawingFacts) {
    this.#facts = facts;
  }

  /** Pods by shape, shapes in the order of their first pod over the whole plan. */
  count(pods: readonly string[], allocatable: Resources): ShapeCounts {
    const counts: ShapeCounts = new Map();
    for (const pod of pods) {
      const index = this.#index(this.#facts.shapeOf(pod) ?? this.#unknown);
      const known = counts.get(index);
      if (known === undefined) {
        const share = dominantShare(this.#shapes[index]?.requests ?? {}, allocatable);
        counts.set(index, { count: 1, share });
      } else {
        known.count += 1;
      }
    }
    for (const [index, { count, share }] of counts) {
      this.#pods[index] = (this.#pods[index] ?? 0) + count;
      this.#cover[index] = (this.#cover[index] ?? 0) + count * share;
    }
    return new Map([...counts].sort(([a], [b]) => a - b));
  }

  used(resource: string, counts: ShapeCounts, node: NodeFacts): number {
    const allocatable = node.allocatable[resource] ?? 0;
    if (allocatable === 0) return 0;
    let taken = node.overhead[resource] ?? 0;
    for (const [index, { count }] of counts) {
      taken += count * (this.#shapes[index]?.requests[resource] ?? 0);
    }
    return taken / allocatable;
  }

  close(): Pick<PlanDrawing, 'workloads' | 'shapes'> {
    const byName = new Map<string, { name: string; pods: number; cover: number }>();
    this.#shapes.forEach(({ workload }, index) => {
      const entry = byName.get(workload) ?? { name: workload, pods: 0, cover: 0 };
      entry.pods += this.#pods[index] ?? 0;
      entry.cover += this.#cover[index] ?? 0;
      byName.set(workload, entry);
    });
    const ordered = [...byName.values()].sort(
      (a, b) => b.cover - a.cover || (a.name < b.name ? -1 : 1),
    );
    const rank = new Map(ordered.map(({ name }, index) => [name, index]));
    return {
      workloads: ordered.map(({ name, pods }) => ({ name, pods })),
      shapes: this.#shapes.map(({ workload, requests }) => ({
        workload: rank.get(workload) ?? 0,
        requests,
      })),
    };
  }

  #index(shape: PodShape): number {
    const known = this.#indexOf.get(shape);
    if (known !== undefined) return known;
    this.#indexOf.set(shape, this.#shapes.length);
    return this.#shapes.push(shape) - 1;
  }
}

/** Largest part that the amounts take of any one allocatable resource. */
function dominantShare(amounts: Resources, allocatable: Resources): number {
  let share = 0;
  for (const [resource, amount] of Object.entries(amounts)) {
    const whole = allocatable[resource] ?? 0;
    if (amount > 0 && whole > 0) share = Math.max(share, amount / whole);
  }
  return Math.round(share * 1e6) / 1e6;
}

function podCount(plan: Plan): number {
  let count = 0;
  for (const { pods } of plan.nodes) count += pods.length;
  for (const { pods } of plan.existing) count += pods.length;
  return count;
}

/** cpu and memory always; devices and local storage where a pod of the plan asks for them; pods. */
function gaugedResources(plan: Plan, facts: DrawingFacts): string[] {
  const asked = new Set<string>();
  const seen = new Set<PodShape>();
  for (const { pods } of [...plan.nodes, ...plan.existing]) {
    for (const pod of pods) {
      const shape = facts.shapeOf(pod);
      if (shape === undefined || seen.has(shape)) continue;
      seen.add(shape);
      for (const [resource, amount] of Object.entries(shape.requests)) {
        if (amount > 0) asked.add(resource);
      }
    }
  }
  for (const usual of ['cpu', 'memory', 'pods']) asked.delete(usual);
  return ['cpu', 'memory', ...[...asked].sort(), 'pods'];
}

function finishShelves(drafts: readonly ShelfDraft[], resources: readonly string[]): Shelf[] {
  const sum = (draft: ShelfDraft): number =>
    [...draft.bins.values()].reduce(
      (total, { pricePerHour, names }) => total + pricePerHour * names.length,
      0,
    );
  return drafts
    .map((draft) => ({ draft, cost: sum(draft) }))
    .sort((a, b) => Number(a.draft.existing) - Number(b.draft.existing) || b.cost - a.cost)
    .map(({ draft: { existing, node, bins } }) => ({
      existing,
      nodePool: node.nodePool,
      instanceType: node.instanceType,
      capacityType: node.capacityType,
      allocatable: resources.map((resource) => node.allocatable[resource] ?? 0),
      bins: [...bins.values()].sort((a, b) => b.names.length - a.names.length),
    }));
}
