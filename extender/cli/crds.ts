/**
 * Writes the CustomResourceDefinitions to `manifests/crds`, or checks that they are there as they
 * should be.
 *
 * In: `--check`, or nothing. Out: one YAML file per definition; with `--check` exit code 1 if one
 * of them differs. A tool of the repository, not a command of the program: the files are committed.
 *
 * Run: `node extender/cli/crds.ts [--check]`.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../../core/api/crd/custom-resource-definitions.ts';

/** Where the files are. */
export const crdDirectory = join(import.meta.dirname, '..', '..', 'manifests', 'crds');

const heading = '# Generated from core/api by `node extender/cli/crds.ts`. Edit there.\n';
const lineWidth = 100;

/** File name -> content, as it should be. */
export function crdFiles(): Map<string, string> {
  return new Map(
    customResourceDefinitions().map((definition) => {
      const [plural = '', ...group] = definition.metadata.name.split('.');
      // Shared parts are written out where they stand: no aliases.
      const text = stringify(definition, { lineWidth, aliasDuplicateObjects: false });
      return [`${group.join('.')}_${plural}.yaml`, heading + text];
    }),
  );
}

/** Names of files that are missing, differ, or should not be there. */
export async function outdatedCrdFiles(directory: string): Promise<string[]> {
  const expected = crdFiles();
  const present = await readdir(directory);
  const outdated = present.filter((name) => !expected.has(name));
  for (const [name, content] of expected) {
    const found = present.includes(name) ? await readFile(join(directory, name), 'utf8') : '';
    if (found !== content) {
      outdated.push(name);
    }
  }
  return outdated;
}

async function writeFiles(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const [name, content] of crdFiles()) {
    await writeFile(join(directory, name), content);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  if (values.check) {
    const outdated = await outdatedCrdFiles(crdDirectory);
    for (const name of outdated) {
      console.error(`manifests/crds/${name} is not what core/api says: run extender/cli/crds.ts`);
    }
    process.exitCode = outdated.length === 0 ? 0 : 1;
  } else {
    await writeFiles(crdDirectory);
  }
}
