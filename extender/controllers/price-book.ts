/**
 * What instance types there are for each NodePool, and what nodes cost.
 *
 * In: node classes, pools, overlays, the cloud. Out: types for planning, read anew for every plan (the
 * cloud port keeps them in memory); what became of the overlays; the price of a node by its labels,
 * from the types last read. It decides nothing.
 */

import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import {
  labelCapacityType,
  labelInstanceType,
  labelNodePool,
  labelZone,
} from '../../core/api/labels.ts';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import { nodeOverlayProblems } from '../../core/api/nodeoverlay-rules.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import type { CloudProvider } from '../../core/cloud-port.ts';
import type { AddressSupply } from '../../core/ec2/node-addresses.ts';
import { type NodeClassKind, nodeClassKindOf } from '../../core/lifecycle/ownership.ts';
import type { InstanceTypesOfPool } from '../../core/packing/packing-model.ts';
import { type OverlaidPools, overlayLabels, overlayPools } from '../../core/scheduling/overlays.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterView } from '../../core/state/view.ts';

type Labels = Readonly<Record<string, string>>;
type TypesOfClass = ReadonlyMap<string, readonly InstanceType[]>;

const nodeClassKinds: readonly NodeClassKind[] = ['EC2NodeClass', 'EC2NodeClass.stowage.dev'];
const noTypes: readonly InstanceType[] = [];

/** What overlays have made of the types, and of what it was made. */
interface OverlaidNow extends OverlaidPools {
  readonly from: readonly unknown[];
  /** Prices that overlays set, by pool and place. */
  readonly prices: ReadonlyMap<string, number>;
}

export class PriceBook {
  readonly #cloud: CloudProvider;
  readonly #view: ClusterView;
  /** Overlays that are in no cluster: sound ones. */
  readonly ownOverlays: readonly NodeOverlay[];
  readonly #prices = new Map<string, number>();
  readonly #read = new WeakSet<readonly InstanceType[]>();
  #overlaid: OverlaidNow | undefined;

  constructor(cloud: CloudProvider, view: ClusterView, ownOverlays: readonly NodeOverlay[] = []) {
    this.#cloud = cloud;
    this.#view = view;
    this.ownOverlays = ownOverlays;
  }

  /** Types of every pool, as they are now. @throws CloudError */
  async types(signal: AbortSignal): Promise<InstanceTypesOfPool> {
    const byClass = new Map<string, readonly InstanceType[]>();
    for (const kind of nodeClassKinds) {
      for (const nodeClass of this.#view.all(kind)) {
        if (nodeClass.metadata.deletionTimestamp !== undefined) continue;
        const types = await this.#cloud.instanceTypes(nodeClass, { signal });
        byClass.set(`${kind}/${nodeClass.metadata.name}`, types);
        this.#remember(types);
      }
    }
    this.#overlaid = this.#apply(byClass);
    return this.#overlaid.typesOf;
  }

  /** Addresses that new nodes share, as they are now. */
  addresses(): readonly AddressSupply[] {
    const nodeClasses = nodeClassKinds.flatMap((kind) => [...this.#view.all(kind)]);
    return this.#cloud.addressSupplies?.(nodeClasses) ?? [];
  }

  /** Overlays that the types last read leave out, and the overlay that each of them meets. */
  get overlayConflicts(): OverlaidPools['conflicts'] {
    return this.#overlaid?.conflicts ?? new Map();
  }

  /** Nano-USD per hour of a node (or claim) with these labels; undefined if that is not known. */
  priceOf(labels: Labels | undefined): number | undefined {
    if (labels === undefined) return undefined;
    const key = keyOf(labels[labelInstanceType], labels[labelZone], labels[labelCapacityType]);
    return this.#overlaid?.prices.get(`${labels[labelNodePool]} ${key}`) ?? this.#prices.get(key);
  }

  /** Made anew only when something that it is made of has changed. */
  #apply(byClass: TypesOfClass): OverlaidNow {
    const baseTypes: InstanceTypesOfPool = ({ spec }) => {
      const reference = spec.template.spec.nodeClassRef;
      return byClass.get(`${nodeClassKindOf(reference)}/${reference.name}`) ?? noTypes;
    };
    const zoneIds = (pool: NodePool) => zoneIdsOf(this.nodeClassOf(pool));
    const overlays = [...this.ownOverlays, ...this.#view.all('NodeOverlay')].filter(isApplied);
    const pools = overlays.length === 0 ? [] : [...this.#view.all('NodePool')];
    const from = [
      ...byClass.keys(),
      ...byClass.values(),
      // Their status changes all the time: what counts is what is wanted.
      ...overlays.map(({ metadata, spec }) => JSON.stringify([metadata.name, spec])),
      ...pools.map((pool) => JSON.stringify([overlayLabels(pool), ...zoneIds(pool)])),
    ];
    if (this.#overlaid !== undefined && isSame(this.#overlaid.from, from)) return this.#overlaid;
    const made = overlayPools(overlays, pools, baseTypes, zoneIds);
    return { ...made, from, prices: overlayPrices(pools, made.typesOf) };
  }

  /** The node class of a pool, undefined if there is none. */
  nodeClassOf({ spec }: NodePool): EC2NodeClass | undefined {
    const reference = spec.template.spec.nodeClassRef;
    const kind = nodeClassKindOf(reference);
    return kind === undefined ? undefined : this.#view.get(kind, { name: reference.name });
  }

  #remember(types: readonly InstanceType[]): void {
    if (this.#read.has(types)) return;
    this.#read.add(types);
    for (const { name, offerings } of types) {
      for (const { zone, capacityType, priceNanoUsdPerHour } of offerings) {
        this.#prices.set(keyOf(name, zone, capacityType), priceNanoUsdPerHour);
      }
    }
  }
}

function isApplied(overlay: NodeOverlay): boolean {
  return (
    overlay.metadata.deletionTimestamp === undefined && nodeOverlayProblems(overlay).length === 0
  );
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}

function overlayPrices(
  pools: readonly NodePool[],
  typesOf: InstanceTypesOfPool,
): ReadonlyMap<string, number> {
  const prices = new Map<string, number>();
  for (const pool of pools) {
    for (const { name, offerings } of typesOf(pool)) {
      for (const { zone, capacityType, priceNanoUsdPerHour, pricedBy } of offerings) {
        if (pricedBy === undefined) continue;
        const key = `${pool.metadata.name} ${keyOf(name, zone, capacityType)}`;
        prices.set(key, priceNanoUsdPerHour);
      }
    }
  }
  return prices;
}

function zoneIdsOf(nodeClass: EC2NodeClass | undefined): ReadonlyMap<string, string> {
  return new Map(
    (nodeClass?.status?.subnets ?? []).flatMap(({ zone, zoneID }) =>
      zoneID === undefined ? [] : [[zone, zoneID] as const],
    ),
  );
}

function keyOf(
  type: string | undefined,
  zone: string | undefined,
  capacityType: string | undefined,
): string {
  return `${type} ${zone} ${capacityType}`;
}
