/**
 * What a node would be that a NodePool launches: admitted or not, its price, labels, taints.
 *
 * In: NodePools, node classes, instance types. Out: facts about one (pool, type, zone, capacity type,
 * reservation), or why there is no such node. Read from the objects themselves; the packing model's templates,
 * rows and masks are not asked. It knows no pods.
 */
import type { EC2NodeClass } from '../../api/ec2nodeclass.ts';
import type { Taint } from '../../api/kubernetes.ts';
import { labelNodePool, nodeClassLabel } from '../../api/labels.ts';
import type { NodePool } from '../../api/nodepool.ts';
import { offeringLabels } from '../../scheduling/offering-labels.ts';
import { admittedOfferings, poolRequirements, whyIdle } from '../../scheduling/pool-admission.ts';
import { admitsValue, type Requirement, type Requirements } from '../../scheduling/requirements.ts';
import { isCloudLabel } from '../../scheduling/well-known-labels.ts';
import type { InstanceType, Offering } from '../../state/instance-type.ts';
import type { InstanceTypesOfPool } from '../packing-model.ts';
import type { NodeLabels } from './node-labels.ts';
import { entry } from './pod-kinds.ts';

/** An offering by name; plans and substitutes state these. */
export interface OfferingName {
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: string;
  /** Of `reserved` offerings. */
  readonly reservationId?: string;
}

/** A node that a pool may launch. */
export interface OfferedNode {
  readonly pool: NodePool;
  readonly type: InstanceType;
  readonly offering: Offering;
  readonly labels: NodeLabels;
  /** Taints that stay; startup taints are gone by the time pods are placed. */
  readonly taints: readonly Taint[];
}

/** What the nodes of all pools are read from. */
export interface OfferedNodesInput {
  readonly nodePools: readonly NodePool[];
  readonly nodeClasses: readonly EC2NodeClass[];
  readonly typesOf: InstanceTypesOfPool;
  /** Zone name -> zone id, where the node class's status does not tell. */
  readonly zoneIds: ReadonlyMap<string, string>;
}

type Labels = Readonly<Record<string, string>>;

const noLabels: Labels = {};

interface PoolFacts {
  readonly pool: NodePool;
  readonly requirements: Requirements;
  readonly zoneIds: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, InstanceType>;
  /** Offerings that are admitted and available, by type; filled on demand. */
  readonly admitted: Map<InstanceType, readonly Offering[]>;
}

/** Labels as text, in any order the same. */
export function labelsText(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Answers for offerings of pools; every answer is made once. */
export class OfferedNodes {
  readonly #pools = new Map<string, PoolFacts>();
  readonly #known = new Map<string, OfferedNode | string>();
  readonly #all = new Map<string, readonly OfferedNode[]>();

  constructor(input: OfferedNodesInput) {
    for (const pool of input.nodePools) {
      const nodeClassName = pool.spec.template.spec.nodeClassRef.name;
      const nodeClass = input.nodeClasses.find(({ metadata }) => metadata.name === nodeClassName);
      const zoneIds = new Map(input.zoneIds);
      for (const { zone, zoneID } of nodeClass?.status?.subnets ?? []) {
        if (zoneID !== undefined) zoneIds.set(zone, zoneID);
      }
      this.#pools.set(pool.metadata.name ?? '', {
        pool,
        requirements: poolRequirements(pool),
        zoneIds,
        types: new Map(input.typesOf(pool).map((type) => [type.name, type])),
        admitted: new Map(),
      });
    }
  }

  /**
   * The node that the pool would launch there, or a sentence that says why it would not. `chosen`
   * settles labels that the pool leaves open; those it does not name stay open.
   */
  find(poolName: string, name: OfferingName, chosen: Labels = noLabels): OfferedNode | string {
    const { instanceType, zone, capacityType, reservationId = '' } = name;
    const place = [poolName, instanceType, zone, capacityType, reservationId];
    const key = JSON.stringify([...place, labelsText(chosen)]);
    return entry(this.#known, key, () => {
      const node = this.#judge(poolName, name);
      return typeof node === 'string' ? node : settledNode(node, chosen);
    });
  }

  #judge(poolName: string, name: OfferingName): OfferedNode | string {
    const facts = this.#pools.get(poolName);
    if (facts === undefined) return `there is no NodePool ${poolName}`;
    const idle = whyIdle(facts.pool);
    if (idle !== undefined) return `NodePool ${poolName} ${idle}`;
    const type = facts.types.get(name.instanceType);
    if (type === undefined) return `NodePool ${poolName} knows no type ${name.instanceType}`;
    const isNamed = ({ zone, capacityType, reservation }: Offering): boolean =>
      zone === name.zone &&
      capacityType === name.capacityType &&
      reservation?.id === name.reservationId;
    const offering = this.#admitted(facts, type).find(isNamed);
    if (offering !== undefined) return offeredNode(facts, type, offering);
    const exists = type.offerings.find(isNamed);
    const what = `${name.instanceType} ${name.capacityType} in ${name.zone}`;
    if (exists === undefined) return `the catalogue has no ${what}`;
    return exists.available
      ? `the requirements of NodePool ${poolName} do not admit ${what}`
      : `${what} is not available`;
  }

  #admitted(facts: PoolFacts, type: InstanceType): readonly Offering[] {
    return entry(facts.admitted, type, () =>
      admittedOfferings(facts.pool, facts.requirements, type, facts.zoneIds).filter(
        ({ available }) => available,
      ),
    );
  }

  /** Every node that a pool may launch with these labels, the largest first; made once. */
  allOf(poolName: string, chosen: Labels = noLabels): readonly OfferedNode[] {
    return entry(this.#all, JSON.stringify([poolName, labelsText(chosen)]), () => {
      const facts = this.#pools.get(poolName);
      if (facts === undefined || whyIdle(facts.pool) !== undefined) return [];
      const nodes = [...facts.types.values()].flatMap((type) =>
        this.#admitted(facts, type).flatMap((offering) => {
          const node = settledNode(offeredNode(facts, type, offering), chosen);
          return typeof node === 'string' ? [] : node;
        }),
      );
      const sizeOf = ({ type }: OfferedNode): number => type.allocatable['cpu'] ?? 0;
      return nodes.sort((a, b) => sizeOf(b) - sizeOf(a));
    });
  }

  /** Names of all pools. */
  get poolNames(): Iterable<string> {
    return this.#pools.keys();
  }

  /** Requirements of a pool; empty for an unknown one. */
  requirementsOf(poolName: string): Requirements {
    return this.#pools.get(poolName)?.requirements ?? new Map<string, Requirement>();
  }
}

/**
 * Labels of the user's own with one value are fixed, others open; what the cloud sets is fixed. The
 * name and the hostname of a node that does not exist are unknown, and so absent.
 */
function offeredNode(facts: PoolFacts, type: InstanceType, offering: Offering): OfferedNode {
  const { pool, requirements, zoneIds } = facts;
  const { nodeClassRef } = pool.spec.template.spec;
  const fixed: Record<string, string> = {
    ...type.labels,
    ...offeringLabels(offering, zoneIds),
    [labelNodePool]: pool.metadata.name ?? '',
    [nodeClassLabel(nodeClassRef.group)]: nodeClassRef.name,
  };
  const open = new Map<string, Requirement>();
  for (const [key, requirement] of requirements) {
    if (isCloudLabel(key)) continue;
    const [only, ...others] = requirement.values;
    if (!requirement.complement && only !== undefined && others.length === 0) fixed[key] = only;
    else open.set(key, requirement);
  }
  return {
    pool,
    type,
    offering,
    labels: { fixed, open },
    taints: pool.spec.template.spec.taints ?? [],
  };
}

/** The node with these values for labels that its pool leaves open, or why it cannot have them. */
function settledNode(node: OfferedNode, chosen: Labels): OfferedNode | string {
  if (Object.keys(chosen).length === 0) return node;
  const open = new Map(node.labels.open);
  for (const [key, value] of Object.entries(chosen)) {
    const requirement = open.get(key);
    const isAdmitted =
      requirement === undefined
        ? node.labels.fixed[key] === value
        : admitsValue(requirement, value);
    if (!isAdmitted) {
      return `NodePool ${node.pool.metadata.name} does not admit label ${key}=${value}`;
    }
    open.delete(key);
  }
  return { ...node, labels: { fixed: { ...node.labels.fixed, ...chosen }, open } };
}
