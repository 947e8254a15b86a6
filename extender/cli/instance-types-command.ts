/**
 * `stowage instance-types`: reads what the user has, and prints the report of `instance-types.ts`.
 *
 * In: parsed options. Out: the list on standard output, and exit code 0. Without manifests nothing is
 * read and nothing is assumed.
 */
import { loadCatalogue } from '../../catalogue/loader.ts';
import { readInput } from '../input/reader.ts';
import { writeAnswer } from './answer.ts';
import { instanceTypesReport, renderInstanceTypes } from './instance-types.ts';
import type { InstanceTypesCommandOptions } from './program.ts';

/** @throws InputError for wrong input */
export async function runInstanceTypes(options: InstanceTypesCommandOptions): Promise<number> {
  const input = options.filename.length === 0 ? undefined : await readInput(options.filename);
  const report = instanceTypesReport({
    catalogue: loadCatalogue(),
    snapshot: input?.snapshot,
    nodeOverlays: input?.nodeOverlays ?? [],
    memoryOverhead: options.memoryOverhead,
    reservedEnis: 0,
  });
  const notes = [...(input?.notes ?? []), ...report.notes];
  await writeAnswer([renderInstanceTypes({ ...report, notes }, options.output)], undefined);
  return 0;
}
