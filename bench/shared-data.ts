/**
 * Where public data sets lie that are too large, or not ours, to keep in the repository.
 *
 * In: a path below the folder. Out: an absolute path; whether it exists is the caller's question.
 * The folder is `$STOWAGE_SHARED_DATA`, else `../shared/data` beside the checkout.
 */
import { join, resolve } from 'node:path';

export function sharedDataPath(relative: string): string {
  const root =
    process.env['STOWAGE_SHARED_DATA'] ?? join(import.meta.dirname, '..', '..', 'shared', 'data');
  return resolve(root, relative);
}
