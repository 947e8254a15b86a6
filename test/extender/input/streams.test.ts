/** JSON and YAML read as streams, whatever their chunks, within bounds. */
import * as fc from 'fast-check';
import t from 'tap';
import { JsonScanner } from '../../../extender/input/json-stream.ts';
import { ListAssembly } from '../../../extender/input/list-assembly.ts';
import type { Place } from '../../../extender/input/problems.ts';
import { YamlSplitter } from '../../../extender/input/yaml-stream.ts';

interface Visited {
  readonly value: unknown;
  readonly place: Place;
}

/** Feeds a text to the JSON scanner, cut at the given places. */
function scanJson(text: string, cuts: readonly number[] = []): Visited[] {
  const visited: Visited[] = [];
  const list = new ListAssembly((value, place) => visited.push({ value, place }));
  const scanner = new JsonScanner('f.json', list);
  for (const chunk of chunksOf(Buffer.from(text), cuts)) {
    scanner.push(chunk);
  }
  scanner.end();
  return visited;
}

/** Feeds a text to the YAML splitter, cut at the given places. */
function splitYaml(text: string, cuts: readonly number[] = []): Visited[] {
  const visited: Visited[] = [];
  const list = new ListAssembly((value, place) => visited.push({ value, place }));
  const splitter = new YamlSplitter('f.yaml', list);
  let from = 0;
  for (const cut of [...new Set(cuts)].sort((a, b) => a - b)) {
    splitter.push(text.slice(from, Math.max(from, cut)));
    from = Math.max(from, Math.min(cut, text.length));
  }
  splitter.push(text.slice(from));
  splitter.end();
  return visited;
}

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const sorted = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return sorted.slice(1).map((end, index) => Buffer.from(bytes.subarray(sorted[index], end)));
}

function values(visited: readonly Visited[]): unknown[] {
  return visited.map(({ value }) => value);
}

const object = fc
  .record({
    kind: fc.constantFrom('Pod', 'Node', 'ConfigMap'),
    metadata: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.double({ noNaN: true }))),
    data: fc.jsonValue({ maxDepth: 3 }),
  })
  .map((one) => JSON.parse(JSON.stringify(one)) as Record<string, unknown>);
const cuts = fc.array(fc.nat(3000), { maxLength: 12 });

t.test('items of a YAML List may share parts by anchors and aliases', async (t) => {
  const text = `kind: List
items:
- &first {kind: Pod, spec: &spec {a: 1}}
- kind: Pod
  args: [&last 7]
- {kind: Pod, spec: *spec}
- &spec {kind: Node, n: *last}
- {kind: Pod, spec: *spec}
---
kind: List
items:
- {kind: Pod, spec: &other 1}
`;
  t.strictSame(values(splitYaml(text)), [
    { kind: 'Pod', spec: { a: 1 } },
    { kind: 'Pod', args: [7] },
    { kind: 'Pod', spec: { a: 1 } },
    { kind: 'Node', n: 7 },
    { kind: 'Pod', spec: { kind: 'Node', n: 7 } },
    { kind: 'Pod', spec: 1 },
  ]);
  const across = 'kind: List\nitems:\n- {kind: &k Pod}\n---\nkind: List\nitems:\n- {kind: *k}\n';
  t.throws(() => splitYaml(across), /unidentified alias/, 'not from one document to another');
});

t.test(
  'a JSON List gives its items, however it is indented and wherever its chunks end',
  async () => {
    fc.assert(
      fc.property(
        fc.array(object),
        fc.constantFrom(0, 2, '\t'),
        fc.boolean(),
        cuts,
        (items, indent, kindLast, at) => {
          const list = kindLast
            ? { apiVersion: 'v1', items, kind: 'List', metadata: { a: [1, { items: [2] }] } }
            : { kind: 'List', metadata: { 'a"': '[{' }, apiVersion: 'v1', items };
          const found = values(scanJson(JSON.stringify(list, undefined, indent), at));
          return JSON.stringify(found) === JSON.stringify(items);
        },
      ),
    );
  },
);

t.test('JSON objects that follow one another are each found', async () => {
  fc.assert(
    fc.property(fc.array(object), cuts, (objects, at) => {
      const text = objects.map((one) => JSON.stringify(one)).join('\n');
      return JSON.stringify(values(scanJson(text, at))) === JSON.stringify(objects);
    }),
  );
});

t.test('items without a kind take it from their List, before or after them', async (t) => {
  const item = { metadata: { name: 'a' } };
  const expected = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } };
  for (const list of [
    { kind: 'PodList', apiVersion: 'v1', items: [item] },
    { items: [item], kind: 'PodList', apiVersion: 'v1' },
  ]) {
    t.strictSame(values(scanJson(JSON.stringify(list))), [expected]);
  }
  t.strictSame(
    values(splitYaml('items:\n- metadata: {name: a}\nkind: PodList\napiVersion: v1\n')),
    [expected],
  );
});

t.test('more items without any kind than may wait are refused', async (t) => {
  const items = Array.from({ length: 10_001 }, () => ({ metadata: {} }));
  const text = JSON.stringify({ items, kind: 'PodList', apiVersion: 'v1' });
  t.throws(() => scanJson(text), { name: 'InputError', message: /more than 10000 items/ });
});

t.test('a nested member called items is not taken apart', async (t) => {
  const value = { kind: 'Other', spec: { items: [{ a: 1 }] }, list: [{ items: [] }] };
  t.strictSame(values(scanJson(JSON.stringify(value))), [value]);
});

t.test('JSON that is cut off, or holds something else, is refused with its line', async (t) => {
  const refused = (text: string, message: RegExp) => {
    t.throws(() => scanJson(text), { name: 'InputError', message }, text);
  };
  refused('{"items":[\n{"a":1},\n', /^f\.json: line 3: the text ends in the middle/);
  refused('{"a":1', /line 1: the text ends in the middle/);
  refused('{"items":[\n{"a":1}\n{"b":2}]}', /line 3: .*expected "," or "]", found "{"/);
  refused('{"items":[{"a":1},]}', /expected "{", found "]"/);
  refused('{"items":[1]}', /expected "{", found "1"/);
  refused('{"items":[\n{"a":\n1 "b"}]}', /line 3: not JSON: Expected/);
  refused('{"a":1}\n,{"b":2}', /document|line 2: .*found ","/);
  refused('{"kind":"List","items":{}}', /items: expected a list of objects/);
});

t.test('an object that grows beyond every bound is refused while it is read', async (t) => {
  const list = new ListAssembly(() => t.fail('nothing is complete'));
  const scanner = new JsonScanner('f.json', list);
  scanner.push(Buffer.from('{"items":[{"a":"'));
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  t.throws(
    () => {
      for (let count = 0; count < 20; count += 1) {
        scanner.push(chunk);
      }
    },
    { name: 'InputError', message: /an object is larger than 16777216 bytes/ },
  );
});

t.test('bytes that are not UTF-8 are refused', async (t) => {
  const list = new ListAssembly(() => t.fail('nothing is valid'));
  const scanner = new JsonScanner('f.json', list);
  t.throws(() => scanner.push(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), {
    message: /expected UTF-8 text/,
  });
});

t.test('YAML documents and items are found wherever the chunks end', async () => {
  const text = [
    '# leading comment',
    '---',
    'kind: A',
    'text: |',
    '  --- not a separator',
    '  items:',
    '  - not an item',
    '...',
    '---',
    'apiVersion: v1',
    'items: # two of them',
    '- kind: B',
    '  list:',
    '  - 1',
    '',
    '# between',
    '- kind: C',
    '  text: |',
    '    # not a comment',
    'kind: List',
    '--- {kind: D}',
    '---',
    'kind: List',
    'items:',
    '  - kind: E',
    '    deep: {a: [1, 2]}',
    '  -',
    '    kind: F',
    'metadata: {}',
    '---',
    'kind: List',
    'items:',
    '---',
    'kind: List',
    'items: [{kind: G}]',
    '',
  ].join('\n');
  const expected = [
    { kind: 'A', text: '--- not a separator\nitems:\n- not an item\n' },
    { kind: 'B', list: [1] },
    { kind: 'C', text: '# not a comment\n' },
    { kind: 'D' },
    { kind: 'E', deep: { a: [1, 2] } },
    { kind: 'F' },
    { kind: 'G' },
  ];
  fc.assert(
    fc.property(cuts, fc.boolean(), (at, windows) => {
      const found = values(splitYaml(windows ? text.replaceAll('\n', '\r\n') : text, at));
      return JSON.stringify(found) === JSON.stringify(expected);
    }),
  );
});

t.test('YAML scalars mean what they mean to kubectl', async (t) => {
  const text =
    'a: yes\nb: off\nc: 1e3\nd: 0.1\ne: "yes"\nf: 2024-01-01\ng: ~\ny: n\nbase: &b {k: 1}\nmerged: {<<: *b, z: 2}\n';
  t.strictSame(values(splitYaml(text)), [
    {
      a: true,
      b: false,
      c: 1000,
      d: 0.1,
      e: 'yes',
      f: '2024-01-01',
      g: null,
      y: 'n',
      base: { k: 1 },
      merged: { k: 1, z: 2 },
    },
  ]);
});

t.test('YAML that is broken is refused with document and line', async (t) => {
  const refused = (text: string, message: RegExp) => {
    t.throws(() => splitYaml(text), { name: 'InputError', message }, text.slice(0, 40));
  };
  refused('a: 1\n---\nb: 1\nb: 2\n', /^f\.yaml: document 2: line 4, column 1: not YAML: dupl/);
  refused('a: [1\n', /document 1: line 2.*not YAML/);
  refused('items:\n- a: 1\n- b: [\nkind: List\n', /document 1: line 4.*not YAML/);
  refused(`a: ${'['.repeat(100_000)}\n`, /not YAML/);
  refused('a: *missing\n', /not YAML: /);
});

t.test('documents and items say where they stand', async (t) => {
  t.strictSame(
    splitYaml('kind: A\n---\n---\nkind: List\nitems:\n- kind: B\n').map(({ place }) => place),
    [
      { file: 'f.yaml', document: 1 },
      { file: 'f.yaml', document: 2, item: 0 },
    ],
  );
  t.strictSame(
    scanJson('{"kind":"A"} {"kind":"List","items":[{"kind":"B"}]}').map(({ place }) => place),
    [{ file: 'f.json' }, { file: 'f.json', document: 2, item: 0 }],
  );
});
