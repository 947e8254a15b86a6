/**
 * What instance types there are under each EC2NodeClass, and what nodes cost.
 *
 * In: node classes, the cloud. Out: types for planning, read anew for every plan (the cloud port
 * keeps them in memory); the price of a node by its labels, from the types last read. It decides
 * nothing.
 */

import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { labelCapacityType, labelInstanceType, labelZone } from '../../core/api/labels.ts';
import type { CloudProvider } from '../../core/cloud-port.ts';
import type { InstanceTypesByNodeClass } from '../../core/packing/packing-model.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterView } from '../../core/state/view.ts';

type Labels = Readonly<Record<string, string>>;

export class PriceBook {
  readonly #cloud: CloudProvider;
  readonly #view: ClusterView;
  readonly #prices = new Map<string, number>();
  readonly #read = new WeakSet<readonly InstanceType[]>();

  constructor(cloud: CloudProvider, view: ClusterView) {
    this.#cloud = cloud;
    this.#view = view;
  }

  /** All node classes of either group that are not being deleted. */
  nodeClasses(): readonly EC2NodeClass[] {
    return [
      ...this.#view.all('EC2NodeClass'),
      ...this.#view.all('EC2NodeClass.stowage.dev'),
    ].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Types under every node class, as they are now. @throws CloudError */
  async types(signal: AbortSignal): Promise<InstanceTypesByNodeClass> {
    const byName = new Map<string, readonly InstanceType[]>();
    for (const nodeClass of this.nodeClasses()) {
      const types = await this.#cloud.instanceTypes(nodeClass, { signal });
      byName.set(nodeClass.metadata.name ?? '', types);
      this.#remember(types);
    }
    return (name) => byName.get(name) ?? [];
  }

  /** Nano-USD per hour of a node (or claim) with these labels; undefined if that is not known. */
  priceOf(labels: Labels | undefined): number | undefined {
    if (labels === undefined) return undefined;
    return this.#prices.get(
      keyOf(labels[labelInstanceType], labels[labelZone], labels[labelCapacityType]),
    );
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

function keyOf(
  type: string | undefined,
  zone: string | undefined,
  capacityType: string | undefined,
): string {
  return `${type} ${zone} ${capacityType}`;
}
