/**
 * The nodes that the pools may launch, and what is left of each after its DaemonSets.
 *
 * In: pool templates, node selections, DaemonSets. Out: one candidate for each (template, type, zone,
 * capacity type, reservation) that the pool admits and that is on offer, with its row and its room. Templates that
 * no pod may use are not spelt out, unless some rule counts over domains. It knows no rules beyond labels and taints.
 */
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import { labelInitialized, labelRegion, labelRegistered } from '../api/labels.ts';
import type { DaemonTemplate } from '../scheduling/daemonsets.ts';
import type { NodeSelection } from '../scheduling/node-affinity.ts';
import { offeringLabels } from '../scheduling/offering-labels.ts';
import { admitsLabels } from '../scheduling/requirements.ts';
import { firstUntoleratedTaint } from '../scheduling/taints.ts';
import type { InstanceType, Offering } from '../state/instance-type.ts';
import type { Steps } from '../steps.ts';
import { type DaemonGroup, type DaemonGroups, daemonsFit } from './daemon-groups.ts';
import { type NewCandidate, type PlacementRow, type Room, toleratedBy } from './placement-row.ts';
import type { Family, PodFamilies } from './pod-families.ts';
import type { PoolTemplate } from './pool-templates.ts';
import { amountsOn, boundUnits, type ResourceAxis, unitsDown } from './resource-axis.ts';
import { SelectionIndex, splitCloudRequirements, type TypeRow } from './selection-index.ts';

type Labels = Readonly<Record<string, string>>;

export interface NewOfferingsInput {
  readonly templates: readonly PoolTemplate[];
  readonly families: PodFamilies;
  readonly daemons: readonly DaemonTemplate[];
  readonly daemonGroups: DaemonGroups;
  readonly axis: ResourceAxis;
  /** Topology keys (but the hostname) that some rule counts over. */
  readonly topologyKeys: ReadonlySet<string>;
  readonly nodeClasses: readonly EC2NodeClass[];
  readonly zoneIds: ReadonlyMap<string, string>;
}

/** What became of one template. */
export interface TemplateOutcome {
  readonly template: PoolTemplate;
  /** [selection] whether the template's own labels can be admitted. */
  readonly selected: Uint8Array;
  /** [tolerations] */
  readonly tolerated: Uint8Array;
  /** Offerings that the pool admits, before DaemonSets. */
  readonly admitted: number;
  /** Of these, offerings too small for the DaemonSets that would run there. */
  readonly daemonsTooLarge: number;
}

export interface NewOfferings {
  readonly candidates: NewCandidate[];
  readonly rows: PlacementRow[];
  readonly outcomes: readonly TemplateOutcome[];
}

/** A zone with a capacity type, or a reservation, under a template. */
interface Place {
  readonly labels: Labels;
  readonly admitted: boolean;
  readonly holds: Uint8Array;
  /** [type row] rows made so far; by daemon group where groups differ. */
  readonly rows: Map<number, { readonly row: PlacementRow; readonly group: DaemonGroup }>;
}

/** Types between two rests: a few milliseconds. */
const typesPerStep = 100;

/** Makes candidates and rows, pool by pool. */
export class NewOfferingsBuilder {
  readonly #input: NewOfferingsInput;
  readonly #selections: readonly NodeSelection[];
  readonly #indices = new Map<readonly InstanceType[], SelectionIndex>();
  readonly #rooms = new Map<InstanceType, Map<number, Room | null>>();
  readonly #rows: PlacementRow[] = [];
  readonly #candidates: NewCandidate[] = [];

  constructor(input: NewOfferingsInput) {
    this.#input = input;
    this.#selections = [
      ...input.families.selections,
      ...input.daemons.map(({ selection }) => selection),
    ];
  }

  /** O(types + offerings + rows x selections) for each template. */
  *build(): Steps<NewOfferings> {
    const outcomes: TemplateOutcome[] = [];
    for (const template of this.#input.templates) {
      outcomes.push(yield* this.#addTemplate(template));
    }
    return { candidates: this.#candidates, rows: this.#rows, outcomes };
  }

  *#addTemplate(template: PoolTemplate): Steps<TemplateOutcome> {
    const { families, daemons, topologyKeys } = this.#input;
    let index = this.#indices.get(template.types);
    if (index === undefined) {
      index = new SelectionIndex(template.types, this.#selections, topologyKeys);
      this.#indices.set(template.types, index);
    }
    const selected = index.admitsTemplate(index.templateHolds(template.labels));
    const tolerated = toleratedBy(template.taints, families.tolerations);
    const isUsable = (family: Family): boolean =>
      selected[family.selection] === 1 && tolerated[family.tolerations] === 1;
    const outcome = { template, selected, tolerated };
    // Even a pool that nobody tolerates has domains that a rule may count.
    if (topologyKeys.size === 0 && !families.families.some(isUsable)) {
      return { ...outcome, admitted: 0, daemonsTooLarge: 0 };
    }
    const context = new TemplateContext(
      this.#input,
      template,
      index,
      tolerated,
      daemons.map(({ tolerations }) => !firstUntoleratedTaint(template.taints, tolerations)),
    );
    return { ...outcome, ...(yield* this.#addOfferings(context)) };
  }

  *#addOfferings(context: TemplateContext): Steps<{ admitted: number; daemonsTooLarge: number }> {
    const { template } = context;
    const { ofType } = splitCloudRequirements(template.cloudRequirements);
    let admitted = 0;
    let daemonsTooLarge = 0;
    for (const [typeIndex, type] of template.types.entries()) {
      if (typeIndex % typesPerStep === 0) yield;
      // Labels of the template count too: its node class is one that pools may require.
      if (!admitsLabels(ofType, { ...template.labels, ...type.labels })) {
        continue;
      }
      for (const offering of type.offerings) {
        const place = offering.available ? context.placeOf(offering, type) : undefined;
        if (place?.admitted !== true) {
          continue;
        }
        admitted++;
        const { row, group } = context.rowOf(typeIndex, place, this.#rows);
        const room = this.#roomOf(type, group);
        if (room === null) {
          daemonsTooLarge++;
          continue;
        }
        this.#candidates.push({
          row,
          template,
          type,
          zone: offering.zone,
          capacityType: offering.capacityType,
          priceNano: offering.priceNanoUsdPerHour,
          reservation: offering.reservation,
          daemonSets: context.daemonNames(group),
          room,
        });
      }
    }
    return { admitted, daemonsTooLarge };
  }

  /** Room of a type beside a group of DaemonSets; null if they do not fit themselves. */
  #roomOf(type: InstanceType, group: DaemonGroup): Room | null {
    let byGroup = this.#rooms.get(type);
    if (byGroup === undefined) {
      byGroup = new Map();
      this.#rooms.set(type, byGroup);
    }
    let room = byGroup.get(group.index);
    if (room === undefined) {
      room = daemonsFit(group, type.allocatable)
        ? roomOf(this.#input.axis, amountsOn(this.#input.axis, type.allocatable), group.amounts)
        : null;
      byGroup.set(group.index, room);
    }
    return room;
  }
}

/** What is left of `offered` after `taken`, in units; never below 0. */
export function roomOf(axis: ResourceAxis, offered: Float64Array, taken: Float64Array): Room {
  const left = offered.map((amount, r) => Math.max(0, amount - taken[r]!));
  const plan = unitsDown(axis, left);
  const bound = boundUnits(axis, left);
  return plan.every((amount, r) => amount === bound[r]) ? { plan, bound: plan } : { plan, bound };
}

/** One template's view of places and rows. */
class TemplateContext {
  readonly template: PoolTemplate;
  readonly #input: NewOfferingsInput;
  readonly #index: SelectionIndex;
  readonly #tolerated: Uint8Array;
  readonly #daemonTolerates: readonly boolean[];
  readonly #templateHolds: Uint8Array;
  /** The same with the labels that only DaemonSets may ask for. */
  readonly #daemonTemplateHolds: Uint8Array;
  readonly #zoneIds: ReadonlyMap<string, string>;
  /** By zone, then by capacity type and reservation. */
  readonly #places = new Map<string, Map<string, Place>>();
  readonly #rowsByText = new Map<string, PlacementRow>();
  readonly #daemonNames = new Map<DaemonGroup, readonly string[]>();

  constructor(
    input: NewOfferingsInput,
    template: PoolTemplate,
    index: SelectionIndex,
    tolerated: Uint8Array,
    daemonTolerates: readonly boolean[],
  ) {
    this.template = template;
    this.#input = input;
    this.#index = index;
    this.#tolerated = tolerated;
    this.#daemonTolerates = daemonTolerates;
    this.#templateHolds = index.templateHolds(template.labels);
    this.#daemonTemplateHolds = index.templateHolds({
      ...template.labels,
      [labelRegistered]: 'true',
      [labelInitialized]: 'true',
    });
    const nodeClass = input.nodeClasses.find(
      ({ metadata }) => metadata.name === template.nodeClass,
    );
    const zoneIds = new Map(input.zoneIds);
    for (const { zone, zoneID } of nodeClass?.status?.subnets ?? []) {
      if (zoneID !== undefined) {
        zoneIds.set(zone, zoneID);
      }
    }
    this.#zoneIds = zoneIds;
  }

  placeOf(offering: Offering, type: InstanceType): Place {
    const { zone, capacityType, reservation } = offering;
    let ofZone = this.#places.get(zone);
    if (ofZone === undefined) {
      ofZone = new Map();
      this.#places.set(zone, ofZone);
    }
    const key = reservation === undefined ? capacityType : reservation.id;
    let place = ofZone.get(key);
    if (place === undefined) {
      place = this.#makePlace(offering, type);
      ofZone.set(key, place);
    }
    return place;
  }

  #makePlace(offering: Offering, type: InstanceType): Place {
    const labels: Record<string, string> = { ...offeringLabels(offering, this.#zoneIds) };
    const region = labels[labelRegion] ?? type.labels[labelRegion];
    if (region !== undefined) {
      labels[labelRegion] = region;
    }
    const { ofPlace } = splitCloudRequirements(this.template.cloudRequirements);
    return {
      labels,
      admitted: admitsLabels(ofPlace, labels),
      holds: this.#index.placeHolds(labels),
      rows: new Map(),
    };
  }

  rowOf(
    typeIndex: number,
    place: Place,
    rows: PlacementRow[],
  ): { readonly row: PlacementRow; readonly group: DaemonGroup } {
    const typeRow = this.#index.typeRows[typeIndex]!;
    let known = place.rows.get(typeRow.index);
    if (known === undefined) {
      known = this.#makeRow(typeRow, place, rows);
      place.rows.set(typeRow.index, known);
    }
    return known;
  }

  /** Rows that turn out alike in all that rules read are made once. */
  #makeRow(
    typeRow: TypeRow,
    place: Place,
    rows: PlacementRow[],
  ): { readonly row: PlacementRow; readonly group: DaemonGroup } {
    const { families, topologyKeys, daemonGroups } = this.#input;
    const selected = this.#index.admitted(typeRow, place.holds, this.#templateHolds);
    const daemonSelected = this.#index.admitted(typeRow, place.holds, this.#daemonTemplateHolds);
    const first = families.selections.length;
    const group = daemonGroups.of(
      (daemon) => daemonSelected[first + daemon] === 1 && this.#daemonTolerates[daemon]!,
    );
    const domains = new Map(typeRow.domains);
    for (const key of topologyKeys) {
      const value = place.labels[key] ?? this.template.labels[key];
      if (value !== undefined) {
        domains.set(key, value);
      }
    }
    const sorted = [...domains].sort(([a], [b]) => (a < b ? -1 : 1));
    const text = `${selected.join('')} ${group.index} ${JSON.stringify(sorted)}`;
    const alike = this.#rowsByText.get(text);
    if (alike !== undefined) {
      return { row: alike, group };
    }
    const limits = new Uint16Array(families.families.length);
    const row = {
      index: rows.length,
      template: this.template,
      selected,
      tolerated: this.#tolerated,
      residents: group.residents,
      domains,
      limits,
      boundLimits: limits,
    };
    rows.push(row);
    this.#rowsByText.set(text, row);
    return { row, group };
  }

  daemonNames(group: DaemonGroup): readonly string[] {
    let names = this.#daemonNames.get(group);
    if (names === undefined) {
      names = group.daemons.map(({ name }) => name);
      this.#daemonNames.set(group, names);
    }
    return names;
  }
}
