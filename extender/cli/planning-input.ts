/**
 * From manifests to a packing model: the first half of `plan` and of `verify`.
 *
 * In: sources and the options that decide the problem. Out: the snapshot, its model and what was
 * assumed. Both commands come through here, so that a plan is checked against the very problem that
 * it was made for.
 */
import { type Catalogue, loadCatalogue } from '../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import { buildModel } from '../../core/packing/model.ts';
import type {
  InstanceTypesOfPool,
  ModelOptions,
  PackingModel,
} from '../../core/packing/packing-model.ts';
import { resolveInstanceTypes } from '../../core/scheduling/allocatable.ts';
import { overlayPools } from '../../core/scheduling/overlays.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot } from '../../core/state/snapshot.ts';
import { readInput } from '../input/reader.ts';
import { overlayConflictNotes } from './price-notes.ts';
import type { ModelCommandOptions } from './program.ts';
import { zoneIdsOf } from './zone-ids.ts';

export interface PlanningInput {
  readonly snapshot: ClusterSnapshot;
  readonly model: PackingModel;
  readonly catalogue: Catalogue;
  /** Types that a pool of the snapshot launches from, after overlays. */
  readonly typesOf: InstanceTypesOfPool;
  /** Zone name -> zone id, in the account of the catalogue. */
  readonly zoneIds: ReadonlyMap<string, string>;
  /** What was assumed, a sentence each, besides the notes of the model. */
  readonly notes: readonly string[];
}

/**
 * Reads the sources and builds the model; `steering` does not change the problem, only the search.
 * @throws InputError if a source cannot be read or is malformed
 */
export async function readPlanningInput(
  options: ModelCommandOptions,
  steering: Pick<ModelOptions, 'nodeCostNano' | 'riskNano'> = {},
): Promise<PlanningInput> {
  const input = await readInput(options.filename);
  const { snapshot, ignoredKinds } = input;
  const catalogue = loadCatalogue();
  const zoneIds = new Map(catalogue.zones.map(({ name, id }) => [name, id]));
  const { typesOf, conflicts } = overlayPools(
    input.nodeOverlays,
    snapshot.nodePools,
    typesOfClasses(catalogue, snapshot, options.memoryOverhead),
    (pool) => zoneIdsOf(catalogue, nodeClassOf(snapshot, pool)),
  );
  const model = buildModel(snapshot, typesOf, {
    ...steering,
    ...(options.maxNodes === undefined ? {} : { maxNodes: options.maxNodes }),
    zoneIds,
  });
  const ignored = [...ignoredKinds].map(([kind, count]) => `${count} ${kind}`).sort();
  const notes = [
    ...input.notes,
    ...overlayConflictNotes(conflicts),
    ...snapshot.nodeClasses.flatMap(reservationNotes),
  ];
  if (ignored.length > 0) {
    notes.push(`Passed over, for they do not matter to placement: ${ignored.join(', ')}.`);
  }
  return { snapshot, model, catalogue, typesOf, zoneIds, notes };
}

function nodeClassOf(snapshot: ClusterSnapshot, pool: NodePool): EC2NodeClass | undefined {
  const { name } = pool.spec.template.spec.nodeClassRef;
  return snapshot.nodeClasses.find(({ metadata }) => metadata.name === name);
}

/** The status of a class names its reservations and not how many instances each has left. */
export function reservationNotes({ metadata, status }: EC2NodeClass): readonly string[] {
  const count = status?.capacityReservations?.length ?? 0;
  if (count === 0) return [];
  const which =
    count === 1 ? 'its capacity reservation is' : `its ${count} capacity reservations are`;
  return [
    `EC2NodeClass ${metadata.name}: ${which} not planned with, for its status does not tell how many instances are left`,
  ];
}

/** Types under each node class of the snapshot, resolved when first asked for. */
function typesOfClasses(
  catalogue: Catalogue,
  snapshot: ClusterSnapshot,
  memoryOverhead: 'measured' | number,
): InstanceTypesOfPool {
  const resolved = new Map<string, readonly InstanceType[]>();
  return (pool) => {
    const { name } = pool.spec.template.spec.nodeClassRef;
    let types = resolved.get(name);
    if (types === undefined) {
      const nodeClass = nodeClassOf(snapshot, pool);
      types =
        nodeClass === undefined
          ? []
          : resolveInstanceTypes(catalogue.types, nodeClass, { memoryOverhead, reservedEnis: 0 });
      resolved.set(name, types);
    }
    return types;
  };
}
