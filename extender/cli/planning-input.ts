/**
 * From manifests to a packing model: the first half of `plan` and of `verify`.
 *
 * In: sources and the options that decide the problem. Out: the snapshot, its model and what was
 * assumed. Both commands come through here, so that a plan is checked against the very problem that
 * it was made for.
 */
import { type Catalogue, loadCatalogue } from '../../catalogue/loader.ts';
import { buildModel } from '../../core/packing/model.ts';
import type {
  InstanceTypesByNodeClass,
  ModelOptions,
  PackingModel,
} from '../../core/packing/packing-model.ts';
import { resolveInstanceTypes } from '../../core/scheduling/allocatable.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { ClusterSnapshot } from '../../core/state/snapshot.ts';
import { readInput } from '../input/reader.ts';
import type { ModelCommandOptions } from './program.ts';

export interface PlanningInput {
  readonly snapshot: ClusterSnapshot;
  readonly model: PackingModel;
  readonly catalogue: Catalogue;
  /** Types under a node class of the snapshot, by its name. */
  readonly typesOf: InstanceTypesByNodeClass;
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
  const { snapshot, ignoredKinds, notes: inputNotes } = await readInput(options.filename);
  const catalogue = loadCatalogue();
  const typesOf = typesByNodeClass(catalogue, snapshot, options.memoryOverhead);
  const zoneIds = new Map(catalogue.zones.map(({ name, id }) => [name, id]));
  const model = buildModel(snapshot, typesOf, {
    ...steering,
    ...(options.maxNodes === undefined ? {} : { maxNodes: options.maxNodes }),
    zoneIds,
  });
  const ignored = [...ignoredKinds].map(([kind, count]) => `${count} ${kind}`).sort();
  const notes = [...inputNotes];
  if (ignored.length > 0) {
    notes.push(`Passed over, for they do not matter to placement: ${ignored.join(', ')}.`);
  }
  return { snapshot, model, catalogue, typesOf, zoneIds, notes };
}

/** Types under each node class of the snapshot, resolved when first asked for. */
function typesByNodeClass(
  catalogue: Catalogue,
  snapshot: ClusterSnapshot,
  memoryOverhead: 'measured' | number,
): InstanceTypesByNodeClass {
  const resolved = new Map<string, readonly InstanceType[]>();
  return (name) => {
    let types = resolved.get(name);
    if (types === undefined) {
      const nodeClass = snapshot.nodeClasses.find(({ metadata }) => metadata.name === name);
      types =
        nodeClass === undefined
          ? []
          : resolveInstanceTypes(catalogue.types, nodeClass, { memoryOverhead, reservedEnis: 0 });
      resolved.set(name, types);
    }
    return types;
  };
}
