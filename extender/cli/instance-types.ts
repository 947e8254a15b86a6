/**
 * `stowage instance-types`: what each type offers to pods, where, and what it costs.
 *
 * In: a catalogue, the NodePools and EC2NodeClasses of the user's input if there are any, and the
 * memory rule. Out: one entry per type (two where node classes make it differ), as JSON or as a
 * table. With NodePools only what they admit is listed. It reads no files and prints nothing.
 */
import type { Catalogue } from '../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { labelArch, labelOs, resourcePodEni, resourcePrivateIPv4 } from '../../core/api/labels.ts';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import {
  type AllocatableOptions,
  resolveInstanceTypes,
} from '../../core/scheduling/allocatable.ts';
import { incompatibility } from '../../core/scheduling/node-class-compatibility.ts';
import { applyOverlays, overlayLabels } from '../../core/scheduling/overlays.ts';
import { admittedOfferings, poolRequirements } from '../../core/scheduling/pool-admission.ts';
import { bytesFloor, cpuMilliFloor, formatResources } from '../../core/scheduling/quantity.ts';
import type { InstanceType, InstanceTypeFacts, Offering } from '../../core/state/instance-type.ts';
import { overlayConflictNotes } from './price-notes.ts';
import { zoneIdsOf } from './zone-ids.ts';

export interface InstanceTypesInput extends AllocatableOptions {
  readonly catalogue: Catalogue;
  /** What the user says of prices and devices. */
  readonly nodeOverlays?: readonly NodeOverlay[];
  /** The user's objects; `ClusterSnapshot` has both. Undefined or empty: the whole catalogue. */
  readonly snapshot:
    | {
        readonly nodePools: readonly NodePool[];
        readonly nodeClasses: readonly EC2NodeClass[];
      }
    | undefined;
}

export interface ReportedOffering {
  readonly zone: string;
  readonly capacityType: string;
  /** USD. */
  readonly pricePerHour: number;
  /** The NodeOverlay that the price is from; absent if it is the catalogue's own. */
  readonly pricedBy?: string;
  readonly available: boolean;
}

/** One type as the JSON output has it; amounts are Kubernetes quantities. */
export interface ReportedInstanceType {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly offerings: readonly ReportedOffering[];
  /** Names of the NodePools that admit it; absent when the input has no NodePool. */
  readonly nodePools?: readonly string[];
}

export interface InstanceTypesReport {
  readonly types: readonly ReportedInstanceType[];
  /** What a reader of the list must know, in sentences; the JSON output has no place for them. */
  readonly notes: readonly string[];
}

/** A type under one node class, and what has been admitted of it so far. */
interface Listed {
  readonly type: InstanceType;
  readonly nodePools: string[];
  readonly offerings: Set<Offering>;
}

/**
 * The report. Time: O(node classes x types + pools x offerings).
 * @throws InputError if a node class's kubelet settings are not quantities
 */
export function instanceTypesReport(input: InstanceTypesInput): InstanceTypesReport {
  const { catalogue } = input;
  const nodePools = input.snapshot?.nodePools ?? [];
  const nodeClasses = input.snapshot?.nodeClasses ?? [];
  const notes = [...catalogue.notes];
  const listed =
    nodePools.length === 0
      ? listAll(input, nodeClasses.length === 0 ? [undefined] : nodeClasses, notes)
      : listAdmitted(input, nodePools, nodeClasses, notes);
  const byName = (a: Listed, b: Listed): number => compareTypes(a.type.facts, b.type.facts);
  return {
    types: mergeAlike(listed)
      .sort(byName)
      .map((entry) => reported(entry, nodePools.length > 0)),
    notes,
  };
}

/** The report as text with a newline at the end. */
export function renderInstanceTypes(report: InstanceTypesReport, format: 'table' | 'json'): string {
  return format === 'json'
    ? `${JSON.stringify(report.types, undefined, 2)}\n`
    : renderTable(report);
}

function listAll(
  input: InstanceTypesInput,
  nodeClasses: readonly (EC2NodeClass | undefined)[],
  notes: string[],
): Listed[] {
  const targets = nodeClasses.map((nodeClass) => {
    notes.push(...refusals(input.catalogue.types, nodeClass));
    return {
      labels: {},
      types: resolveInstanceTypes(input.catalogue.types, nodeClass, input),
      zoneIds: zoneIdsOf(input.catalogue, nodeClass),
    };
  });
  const { types, conflicts } = applyOverlays(input.nodeOverlays ?? [], targets);
  notes.push(...overlayConflictNotes(conflicts));
  return types.flat().map((type) => ({ type, nodePools: [], offerings: new Set(type.offerings) }));
}

/** Why priced types are not available, a sentence for each reason. */
function refusals(
  types: readonly InstanceTypeFacts[],
  nodeClass: EC2NodeClass | undefined,
): string[] {
  const counts = new Map<string, number>();
  for (const facts of types) {
    const reason = facts.offerings.length === 0 ? undefined : incompatibility(facts, nodeClass);
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const owner = nodeClass === undefined ? '' : `EC2NodeClass ${nodeClass.metadata.name}: `;
  return [...counts].map(([reason, count]) => `${owner}${count} types not available: ${reason}.`);
}

function listAdmitted(
  input: InstanceTypesInput,
  nodePools: readonly NodePool[],
  nodeClasses: readonly EC2NodeClass[],
  notes: string[],
): Listed[] {
  const resolved = new Map<EC2NodeClass | undefined, InstanceType[]>();
  const targets = nodePools.map((pool) => {
    const name = pool.metadata.name ?? '';
    const reference = pool.spec.template.spec.nodeClassRef;
    const nodeClass = nodeClasses.find((candidate) => refersTo(reference, candidate));
    if (nodeClass === undefined) {
      notes.push(
        `NodePool ${name}: ${reference.kind} ${reference.name} is not in the input; AL2023 without settings is assumed.`,
      );
    }
    let types = resolved.get(nodeClass);
    if (types === undefined) {
      types = resolveInstanceTypes(input.catalogue.types, nodeClass, input);
      resolved.set(nodeClass, types);
    }
    const zoneIds = zoneIdsOf(input.catalogue, nodeClass);
    return { pool, labels: overlayLabels(pool), types, zoneIds };
  });
  const { types, conflicts } = applyOverlays(input.nodeOverlays ?? [], targets);
  notes.push(...overlayConflictNotes(conflicts));
  return targets.flatMap(({ pool, zoneIds }, index) => {
    const admitted = listPool(pool, types[index] ?? [], zoneIds);
    if (admitted.length === 0)
      notes.push(`NodePool ${pool.metadata.name} admits no instance type.`);
    return admitted;
  });
}

/** Types of which the pool admits an offering that is available. */
function listPool(
  pool: NodePool,
  types: readonly InstanceType[],
  zoneIds: ReadonlyMap<string, string>,
): Listed[] {
  const requirements = poolRequirements(pool);
  return types.flatMap((type) => {
    const offerings = admittedOfferings(pool, requirements, type, zoneIds);
    if (!offerings.some(({ available }) => available)) return [];
    return [{ type, nodePools: [pool.metadata.name ?? ''], offerings: new Set(offerings) }];
  });
}

/** The reference names a group without version; the same schema is served under two groups. */
function refersTo(
  reference: { readonly group: string; readonly kind: string; readonly name: string },
  nodeClass: EC2NodeClass,
): boolean {
  return (
    reference.kind === nodeClass.kind &&
    reference.name === nodeClass.metadata.name &&
    reference.group === nodeClass.apiVersion.split('/')[0]
  );
}

/** One entry for a type that is the same under several pools or node classes. */
function mergeAlike(listed: readonly Listed[]): Listed[] {
  const byKey = new Map<string, Listed>();
  for (const entry of listed) {
    const { name, labels, capacity, allocatable } = entry.type;
    const overlaid = [...entry.offerings].filter(({ pricedBy }) => pricedBy !== undefined);
    const key = JSON.stringify([name, labels[labelOs], capacity, allocatable, overlaid]);
    const known = byKey.get(key);
    if (known === undefined) {
      byKey.set(key, entry);
      continue;
    }
    known.nodePools.push(...entry.nodePools);
    for (const offering of entry.offerings) known.offerings.add(offering);
  }
  return [...byKey.values()];
}

function reported(
  { type, nodePools, offerings }: Listed,
  withPools: boolean,
): ReportedInstanceType {
  return {
    name: type.name,
    labels: type.labels,
    capacity: formatResources(type.capacity),
    allocatable: formatResources(type.allocatable),
    offerings: reportedOfferings(offerings),
    ...(withPools ? { nodePools } : {}),
  };
}

/** One per zone and capacity type: available if it is so under one of the pools. */
function reportedOfferings(offerings: Iterable<Offering>): ReportedOffering[] {
  const byPlace = new Map<string, ReportedOffering>();
  for (const { zone, capacityType, priceNanoUsdPerHour, pricedBy, available } of offerings) {
    const place = `${zone} ${capacityType}`;
    byPlace.set(place, {
      zone,
      capacityType,
      pricePerHour: priceNanoUsdPerHour / 1e9,
      ...(pricedBy === undefined ? {} : { pricedBy }),
      available: available || byPlace.get(place)?.available === true,
    });
  }
  return [...byPlace.values()].sort((a, b) =>
    a.zone === b.zone ? (a.capacityType < b.capacityType ? -1 : 1) : a.zone < b.zone ? -1 : 1,
  );
}

/** Families in order of their names, smaller types first. */
function compareTypes(a: InstanceTypeFacts, b: InstanceTypeFacts): number {
  return (
    compareText(a.family, b.family) ||
    a.vcpuCount - b.vcpuCount ||
    a.memoryMiB - b.memoryMiB ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

const gibibyte = 2 ** 30;

const heads = ['TYPE', 'ARCH', 'CPU', 'GIB', 'PODS', 'DEVICES', 'ZONES', '$/H', '$/H SPOT'];
const rightAligned: ReadonlySet<string> = new Set(['CPU', 'GIB', 'PODS', '$/H', '$/H SPOT']);

/** Extended resources that nearly every type has: of no help in choosing one by eye. */
const commonResources: ReadonlySet<string> = new Set([resourcePodEni, resourcePrivateIPv4]);

/** Amounts are what pods may use, prices the lowest that are available. */
function renderTable({ types, notes }: InstanceTypesReport): string {
  const kinds = types.length === 1 ? 'type' : 'types';
  const count = `${types.length.toLocaleString('en-US')} ${kinds}; CPU, GIB, PODS and DEVICES are what pods may use.`;
  const rows = alignColumns([heads, ...types.map(tableRow)]);
  return `${[...rows, '', count, ...notes.map((note) => `- ${note}`)].join('\n')}\n`;
}

/** Columns as wide as their widest cell. cli-table3 takes over a second for all the types. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((_, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return rightAligned.has(heads[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

function tableRow({ name, labels, allocatable, offerings }: ReportedInstanceType): string[] {
  const devices = Object.entries(allocatable)
    .filter(([resource]) => resource.includes('/') && !commonResources.has(resource))
    .map(([resource, amount]) => `${amount} ${resource.slice(resource.indexOf('/') + 1)}`);
  const available = offerings.filter((offering) => offering.available);
  return [
    name,
    labels[labelArch] ?? '',
    (cpuMilliFloor(allocatable['cpu'] ?? '0') / 1000).toFixed(2),
    (bytesFloor(allocatable['memory'] ?? '0') / gibibyte).toFixed(2),
    allocatable['pods'] ?? '0',
    devices.join(', '),
    [...new Set(available.map(({ zone }) => zone.slice(-1)))].join(''),
    lowestPrice(available, 'on-demand'),
    lowestPrice(available, 'spot'),
  ];
}

function lowestPrice(offerings: readonly ReportedOffering[], capacityType: string): string {
  const prices = offerings
    .filter((offering) => offering.capacityType === capacityType)
    .map(({ pricePerHour }) => pricePerHour);
  return prices.length === 0 ? '-' : Math.min(...prices).toFixed(4);
}
