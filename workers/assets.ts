/**
 * Finds files that ship beside the code, from source and from the compiled package alike.
 *
 * In: a path relative to the package root. Out: an absolute path. Reads nothing but package.json.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  // build/workers is at most two levels down; the bound only guards against a broken install.
  for (let level = 0; level < 4; level++) {
    if (existsSync(join(dir, 'package.json'))) return dir;
    dir = dirname(dir);
  }
  throw new Error(`no package.json above ${fileURLToPath(import.meta.url)}: the install is broken`);
}

const root = findRoot();

/** Absolute path of a file of the package. */
export function assetPath(relative: string): string {
  return join(root, relative);
}
