/** The table of node names against a Map, from strings and from bytes. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import type { ExtenderNode } from '../../core/scheduling/extender-view.ts';
import { type NamedNodes, NodeTable } from '../../extender/node-table.ts';
import { extenderNode } from '../support/extender-fixtures.ts';

function namesIn({ bytes, count, starts, ends }: NamedNodes): string[] {
  return Array.from({ length: count }, (_, index) =>
    bytes.toString('utf8', starts[index], ends[index]),
  );
}

function nodesIn({ nodes, count }: NamedNodes): (ExtenderNode | undefined)[] {
  return nodes.slice(0, count);
}

/** Few names of every length, so that they meet again; lengths around whole words matter most. */
const nodeName = fc
  .tuple(fc.stringMatching(/^[a-z0-9.-]{1,9}$/), fc.constantFrom('', '.ec2.internal'))
  .map(([head, tail]) => head + tail);

t.test('a table answers as a Map does, from strings and from bytes', async () => {
  const step = fc.record({ name: nodeName, isPut: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(nodeName), (steps, strangers) => {
      const table = new NodeTable();
      const model = new Map<string, ExtenderNode>();
      for (const { name, isPut } of steps) {
        const node = extenderNode(name);
        if (isPut) {
          table.put(node);
          model.set(name, node);
        } else {
          table.delete(name);
          model.delete(name);
        }
      }
      const names = [...steps.map(({ name }) => name), ...strangers];
      const expected = names.map((name) => model.get(name));
      const list = table.readList(Buffer.from(JSON.stringify(names)), 0);
      assert.equal(table.count, model.size);
      assert.deepEqual(
        names.map((name) => table.node(name)),
        expected,
      );
      assert.ok(list !== undefined);
      assert.deepEqual(namesIn(list.names), names);
      assert.deepEqual(nodesIn(list.names), expected);
    }),
    { numRuns: 200 },
  );
});

t.test('a table grows with the cluster and forgets what is deleted', async (t) => {
  const table = new NodeTable();
  const names = Array.from({ length: 5_000 }, (_, index) => `ip-10-0-${index >> 8}-${index & 255}`);
  for (const name of names) {
    table.put(extenderNode(name));
  }
  for (const name of names.slice(0, 2_500)) {
    table.delete(name);
  }
  for (const name of names.slice(0, 1_000)) {
    table.put(extenderNode(name));
  }
  const found = names.filter((name) => table.node(name)?.name === name);
  t.strictSame(found, [...names.slice(0, 1_000), ...names.slice(2_500)]);
  t.equal(table.count, 3_500);
});

t.test('a changed node replaces the one before', async (t) => {
  const table = new NodeTable();
  table.put(extenderNode('a'));
  const changed = extenderNode('a');
  table.put(changed);
  t.equal(table.node('a'), changed);
  t.equal(table.count, 1);
});

t.test('plain lists are read wherever they stand in a body', async () => {
  const plain = fc.array(fc.stringMatching(/^[ !#-[\]-~]{0,30}$/));
  fc.assert(
    fc.property(plain, fc.string(), fc.nat(8), (names, before, behind) => {
      const body = Buffer.from(before + JSON.stringify(names) + ']}"}'.slice(0, behind));
      const from = Buffer.byteLength(before);
      const list = new NodeTable().readList(body, from);
      assert.ok(list !== undefined);
      assert.deepEqual(namesIn(list.names), names);
      assert.equal(list.next, from + Buffer.byteLength(JSON.stringify(names)));
    }),
  );
});

t.test('lists that are written differently are refused, not misread', async (t) => {
  const texts = [
    '["a", "b"]',
    '[ "a"]',
    '["a" ]',
    '["a",]',
    '["a"',
    '["a',
    '[',
    '["a","b',
    '[1]',
    '[null]',
    '["\\u0061"]',
    '["a\\"]',
    '["é"]',
    '["a\tb"]',
    `["${'a'.repeat(300)}\\n"]`,
  ];
  for (const text of texts) {
    t.equal(new NodeTable().readList(Buffer.from(text), 0), undefined, text);
  }
});

t.test('a string that is no name of a node is read and is nobody’s', async (t) => {
  const table = new NodeTable();
  const long = 'a'.repeat(1_000);
  for (const name of [long, 'é', 'a"b', 'a\\b', 'a\nb']) {
    table.put(extenderNode(name));
    t.equal(table.node(name), undefined);
    table.delete(name);
  }
  t.equal(table.count, 0);
  const list = table.readList(Buffer.from(JSON.stringify([long, 'b'])), 0);
  t.strictSame(namesIn(list!.names), [long, 'b']);
});

t.test('lists from strings are spelt as JSON and found by name', async () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(nodeName, fc.string({ unit: 'grapheme' }))), (names) => {
      const table = new NodeTable();
      table.put(extenderNode('known'));
      const list = table.readStrings([...names, 'known']);
      assert.deepEqual(
        namesIn(list).map((spelling) => JSON.parse(`"${spelling}"`)),
        [...names, 'known'],
      );
      assert.equal(list.nodes[names.length]?.name, 'known');
    }),
  );
});
