/** The committed CustomResourceDefinitions are those that core/api makes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { customResourceDefinitions } from '../../core/api/crd/custom-resource-definitions.ts';
import { nodeClassNotes } from '../../core/api/crd/nodeclass-notes.ts';
import { nodeOverlayNotes } from '../../core/api/crd/nodeoverlay-notes.ts';
import { nodeClaimNotes, nodePoolNotes } from '../../core/api/crd/nodepool-notes.ts';
import { type JsonSchema, structuralSchema } from '../../core/api/crd/structural-schema.ts';
import { kinds } from '../../core/api/kinds.ts';
import { crdDirectory, crdFiles, outdatedCrdFiles } from '../../extender/cli/crds.ts';

interface Version {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: JsonSchema };
  readonly subresources: JsonSchema;
}

function versionOf(spec: JsonSchema): Version {
  const [version] = spec['versions'] as readonly Version[];
  if (version === undefined) throw new Error('a definition has one version');
  return version;
}

/** Every field below a schema, by path. */
function fieldsOf(schema: JsonSchema, path: string): Map<string, JsonSchema> {
  const below: [string, unknown][] = [
    ...Object.entries((schema['properties'] ?? {}) as Record<string, unknown>).map(
      ([name, member]): [string, unknown] => [path === '' ? name : `${path}.${name}`, member],
    ),
    [`${path}[]`, schema['items']],
    [`${path}{}`, schema['additionalProperties']],
  ];
  const fields = new Map([[path, schema]]);
  for (const [at, member] of below) {
    if (typeof member === 'object' && member !== null) {
      for (const [name, field] of fieldsOf(member as JsonSchema, at)) fields.set(name, field);
    }
  }
  return fields;
}

t.test('the files in manifests/crds are what core/api says', async (t) => {
  t.strictSame(await outdatedCrdFiles(crdDirectory), []);
});

t.test('a file that differs, is missing or is left over is named', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-crds-'));
  t.teardown(async () => await rm(directory, { recursive: true }));
  const [first = '', second = '', ...rest] = crdFiles().keys();
  await writeFile(join(directory, first), 'other\n');
  for (const name of rest) await writeFile(join(directory, name), crdFiles().get(name) ?? '');
  await writeFile(join(directory, 'old.yaml'), '');
  t.strictSame(new Set(await outdatedCrdFiles(directory)), new Set(['old.yaml', first, second]));
});

t.test('every field is explained, and nothing is explained that is no field', async (t) => {
  const [nodePool, nodeClaim, nodeOverlay, nodeClass] = customResourceDefinitions();
  const cases = [
    [nodePool, nodePoolNotes],
    [nodeClaim, nodeClaimNotes],
    [nodeOverlay, nodeOverlayNotes],
    [nodeClass, nodeClassNotes],
  ] as const;
  for (const [definition, notes] of cases) {
    const root = versionOf(definition?.spec ?? {}).schema.openAPIV3Schema;
    const fields = fieldsOf(root, '');
    const without = [...fields].filter(
      ([path, field]) => path !== 'metadata' && !/^[A-Z].*\.$/.test(String(field['description'])),
    );
    t.strictSame(
      without.map(([path]) => path),
      [],
      definition?.metadata.name ?? '',
    );
    t.strictSame(
      Object.keys(notes).filter((path) => !fields.has(path)),
      [],
      definition?.metadata.name ?? '',
    );
  }
});

t.test('kinds, plurals and status are those that the cluster client uses', async (t) => {
  for (const { spec } of customResourceDefinitions()) {
    const names = spec['names'] as Record<string, unknown>;
    const { name: version } = versionOf(spec);
    const found = Object.values(kinds).find(
      ({ apiVersion, kind }) =>
        apiVersion === `${spec['group']}/${version}` && kind === names['kind'],
    );
    t.match(found, { plural: names['plural'], isNamespaced: false, hasStatus: true });
    t.strictSame(versionOf(spec).subresources['status'], {});
  }
});

t.test('the two node classes differ in name and group only', async (t) => {
  const [theirs, ours] = customResourceDefinitions().slice(-2);
  t.strictSame(versionOf(ours?.spec ?? {}), versionOf(theirs?.spec ?? {}));
  t.not(ours?.spec['group'], theirs?.spec['group']);
});

t.test('a schema that has no structural form is an error, not a gap', async (t) => {
  const cases: readonly [JsonSchema, RegExp][] = [
    [{ type: 'string', format: 'email' }, /spec\.a: no structural form is known for format/],
    [{}, /spec\.a: no structural form is known for a schema without type/],
    [{ type: 'object' }, /expected an object with fields, or a map of one kind/],
    [{ type: 'array' }, /expected items/],
    [{ anyOf: [], 'x-kubernetes-int-or-string': true }, /expected a quantity/],
  ];
  for (const [schema, message] of cases) {
    t.throws(() => structuralSchema(schema, 'spec.a', {}), message);
  }
});
