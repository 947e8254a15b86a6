/**
 * Manifests in, a snapshot of a cluster out.
 *
 * In: what `-f` names: files, directories, `-` for standard input; YAML or JSON, Lists included.
 * Out: the validated snapshot, the kinds that were passed over, and what was assumed. Everything is
 * checked and nothing is guessed: input that Kubernetes would refuse is refused here, with file,
 * document, object and field. Memory holds the snapshot and one object, not the text.
 */
import type { Readable } from 'node:stream';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import { InputError } from '../../core/errors.ts';
import type { ClusterSnapshot } from '../../core/state/snapshot.ts';
import { ObjectReader } from './kinds.ts';
import { InputProblems } from './problems.ts';
import { SnapshotBuilder } from './snapshot-builder.ts';
import { readSources } from './sources.ts';

export interface ReadInput {
  readonly snapshot: ClusterSnapshot;
  /** What changes the prices and devices of instance types; no part of the cluster's state. */
  readonly nodeOverlays: readonly NodeOverlay[];
  /** Kinds that do not matter to placement, and how many objects of each were passed over. */
  readonly ignoredKinds: ReadonlyMap<string, number>;
  /** What was assumed because the input does not say, in sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * Reads all sources.
 *
 * @throws {InputError} naming up to `maxProblems` mistakes, one a line; its location is the first's.
 */
export async function readInput(
  sources: readonly string[],
  { stdin = process.stdin }: { readonly stdin?: Readable } = {},
): Promise<ReadInput> {
  const problems = new InputProblems();
  const builder = new SnapshotBuilder(problems);
  const reader = new ObjectReader(builder, problems);
  const notes: string[] = [];
  try {
    await readSources(sources, stdin, (value, place) => reader.visit(value, place));
    // References are looked at only among sound objects: a broken one would seem to be missing.
    problems.throwIfAny();
    const snapshot = builder.finish(notes);
    problems.throwIfAny();
    const { nodeOverlays } = builder;
    return { snapshot, nodeOverlays, ignoredKinds: reader.ignoredKinds, notes };
  } catch (error) {
    if (error instanceof InputError) {
      problems.addFatal(error);
      problems.throwIfAny();
    }
    throw error;
  }
}
