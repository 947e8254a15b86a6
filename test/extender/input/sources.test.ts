/** Files, folders and standard input, and those that cannot be read. */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { readInput } from '../../../extender/input/reader.ts';

const pod = (name: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c}]}\n`;
const jsonPod = (name: string) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c' }] },
  });

async function namesIn(sources: readonly string[], stdin = ''): Promise<string[]> {
  const { snapshot } = await readInput(sources, { stdin: Readable.from([stdin]) });
  return snapshot.pods.map((one) => one.name);
}

t.test('directories are read in order, with all they contain', async (t) => {
  const directory = t.testdir({
    'b.yaml': pod('b'),
    'a.yml': pod('a'),
    'c.json': jsonPod('c'),
    'notes.txt': 'not a manifest',
    '.hidden.yaml': pod('hidden'),
    '.git': { 'x.yaml': pod('git') },
    nested: { 'd.yaml': pod('d'), deeper: { 'e.yaml': pod('e') } },
  });
  t.strictSame(await namesIn([directory]), ['a', 'b', 'c', 'd', 'e']);
  t.strictSame(
    await namesIn([join(directory, 'c.json'), '-', join(directory, 'a.yml')], pod('in')),
    ['c', 'in', 'a'],
  );
});

t.test('what a text is does not hang on the name of its file', async (t) => {
  const directory = t.testdir({
    'json.yaml': `\n  ${jsonPod('json')}`,
    'yaml.json': pod('yaml'),
    plain: pod('plain'),
    'bom.yaml': `\ufeff${pod('bom')}`,
    'bom.json': `\ufeff${jsonPod('bom-json')}`,
    'empty.yaml': '',
    'blank.json': ' \n\n',
  });
  const files = [
    'json.yaml',
    'yaml.json',
    'plain',
    'bom.yaml',
    'bom.json',
    'empty.yaml',
    'blank.json',
  ];
  t.strictSame(await namesIn(files.map((file) => join(directory, file))), [
    'json',
    'yaml',
    'plain',
    'bom',
    'bom-json',
  ]);
});

t.test('sources that cannot be read are named', async (t) => {
  const directory = t.testdir({ 'a.yaml': pod('a'), empty: {} });
  const missing = join(directory, 'missing.yaml');
  await t.rejects(namesIn([missing]), {
    name: 'InputError',
    message: `${missing}: no such file or directory`,
  });
  await t.rejects(namesIn([join(directory, 'empty')]), {
    message: /expected a directory with \.yaml, \.yml or \.json files, found none/,
  });
  const file = join(directory, 'a.yaml');
  await t.rejects(namesIn([file, file]), { message: /expected each source once/ });
  await t.rejects(namesIn(['-', '-']), { message: /^-: expected each source once/ });
});

t.test('a stream that fails is an input error', async (t) => {
  const stdin = new Readable({
    read() {
      this.destroy(new Error('pipe broke'));
    },
  });
  await t.rejects(readInput(['-'], { stdin }), {
    name: 'InputError',
    message: /^-: cannot be read: Error: pipe broke/,
  });
});

t.test('characters that a chunk boundary cuts in two arrive whole', async (t) => {
  const text = pod('a').replace('name: a', 'name: a, annotations: {note: "äöü€😀"}');
  const bytes = Buffer.from(text);
  const stdin = Readable.from([...bytes].map((byte) => Buffer.from([byte])));
  const { snapshot } = await readInput(['-'], { stdin });
  t.strictSame(snapshot.pods[0]?.annotations, { note: 'äöü€😀' });
});
