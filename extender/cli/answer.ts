/**
 * Puts the answer where the user wants it: standard output, or a file.
 *
 * In: chunks of text. Out: nothing else on standard output, ever. A reader that stops early
 * (`| head`) is no error; a file that cannot be written is the user's to put right.
 */
import { constants, createWriteStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../../core/errors.ts';

/**
 * Whether the answer can go there, asked before the search rather than after it.
 * @throws InputError if the folder of `file` is missing or closed
 */
export async function checkDestination(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    await access(dirname(file), constants.W_OK);
  } catch (error) {
    throw new InputError({ file }, `cannot be written: ${(error as Error).message}`);
  }
}

/**
 * Writes all chunks, waiting where the reader is slow.
 * @throws InputError if `file` cannot be written
 */
export async function writeAnswer(
  chunks: Iterable<string>,
  file: string | undefined,
): Promise<void> {
  if (file === undefined) {
    await pipeline(Readable.from(chunks), process.stdout, { end: false }).catch(ignoreClosedPipe);
    return;
  }
  try {
    await pipeline(Readable.from(chunks), createWriteStream(file));
  } catch (error) {
    throw new InputError({ file }, `cannot be written: ${(error as Error).message}`);
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
}
