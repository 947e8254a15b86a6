/** Reads texts as `stowage` reads standard input; what tests of the reader share. */
import { Readable } from 'node:stream';
import { InputError } from '../../../core/errors.ts';
import { podKey, type SnapshotPod } from '../../../core/state/snapshot.ts';
import { type ReadInput, readInput } from '../../../extender/input/reader.ts';

/** What a text holds. */
export function read(text: string): Promise<ReadInput> {
  return readInput(['-'], { stdin: Readable.from([Buffer.from(text)]) });
}

/** The pods of a text. */
export async function podsOf(text: string): Promise<readonly SnapshotPod[]> {
  return (await read(text)).snapshot.pods;
}

/** The pods of a text by `namespace/name`. */
export async function namesOf(text: string): Promise<string[]> {
  return (await podsOf(text)).map(podKey);
}

/** What is wrong with a text. */
export async function errorOf(text: string): Promise<InputError> {
  const error: unknown = await read(text).then(
    () => new Error('the input was accepted'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof InputError)) {
    throw error;
  }
  return error;
}

/** A pod template of a workload, in flow style. */
export const template = 'template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c}]}}';
