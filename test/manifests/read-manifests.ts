/**
 * Reads the YAML files of `manifests/`, for tests.
 *
 * In: a folder below it. Out: every document, with the file it stands in.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Manifest {
  readonly file: string;
  readonly object: ManifestObject;
}

export const manifestDirectory = join(import.meta.dirname, '..', '..', 'manifests');

/** Documents in the order of file names, then of the file. */
export async function readManifests(folder: string): Promise<Manifest[]> {
  const directory = join(manifestDirectory, folder);
  const names = (await readdir(directory)).filter((name) => name.endsWith('.yaml'));
  const manifests: Manifest[] = [];
  for (const name of names.toSorted()) {
    const documents = parseAllDocuments(await readFile(join(directory, name), 'utf8'));
    if ('empty' in documents) {
      throw new Error(`${name}: expected at least one document`);
    }
    for (const document of documents) {
      manifests.push({ file: `${folder}/${name}`, object: document.toJS() });
    }
  }
  return manifests;
}

/** The one object of that kind and name. */
export function findObject(
  manifests: readonly Manifest[],
  kind: string,
  name: string,
): ManifestObject {
  const found = manifests.find(
    ({ object }) => object.kind === kind && object.metadata.name === name,
  );
  if (found === undefined) {
    throw new Error(`no ${kind} ${name} among the manifests`);
  }
  return found.object;
}

interface DeployedPod {
  readonly containers: readonly {
    readonly env?: readonly { readonly name: string; readonly value?: string }[];
  }[];
}

/** What the Deployment tells Node.js; '' if nothing. */
export async function deployedNodeOptions(): Promise<string> {
  const deployment = findObject(await readManifests('deploy'), 'Deployment', 'stowage');
  const { template } = deployment['spec'] as { readonly template: { readonly spec: DeployedPod } };
  const variables = template.spec.containers.flatMap(({ env }) => env ?? []);
  return variables.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
}

const plurals: Readonly<Record<string, string>> = {
  MutatingAdmissionPolicy: 'mutatingadmissionpolicies',
  NetworkPolicy: 'networkpolicies',
  EC2NodeClass: 'ec2nodeclasses',
};

/** Where objects of its kind are created. */
export function collectionPath({ apiVersion, kind, metadata }: ManifestObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${namespace}/${plural}`;
}
