/**
 * NodeOverlays from files, for a service: Savings Plans, negotiated rates, licences.
 *
 * In: names of files or directories of YAML or JSON. Out: the overlays. Anything else in them is a
 * mistake and is said so: a service would silently not have it.
 */
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import { ObjectReader } from './kinds.ts';
import { isMapping } from './list-assembly.ts';
import { InputProblems, locationOf } from './problems.ts';
import { findingOf } from './schema-check.ts';
import { SnapshotBuilder } from './snapshot-builder.ts';
import { readSources } from './sources.ts';

/** @throws {InputError} naming every mistake, by file, document, object and field */
export async function readOverlays(files: readonly string[]): Promise<readonly NodeOverlay[]> {
  if (files.length === 0) return [];
  const problems = new InputProblems();
  const builder = new SnapshotBuilder(problems);
  const reader = new ObjectReader(builder, problems);
  await readSources(files, process.stdin, (value, place) => {
    const kind = isMapping(value) ? value.kind : undefined;
    if (kind === 'NodeOverlay' || typeof kind !== 'string') reader.visit(value, place);
    else {
      const found = findingOf(kind);
      problems.add(locationOf(place, 'object', 'kind'), `expected NodeOverlay, found ${found}`);
    }
  });
  for (const [kind] of reader.ignoredKinds) {
    const file = files.join(', ');
    problems.add({ file }, `expected NodeOverlay of karpenter.sh/v1alpha1, found ${kind}`);
  }
  problems.throwIfAny();
  return builder.nodeOverlays;
}
