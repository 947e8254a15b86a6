/** Merge and JSON patches against the examples and rules of their RFCs. */
import * as fc from 'fast-check';
import t from 'tap';
import {
  deepFreeze,
  isEqual,
  jsonPatch,
  mergePatch,
  PatchError,
} from '../../../sim/cluster/json.ts';

/** JSON without null: what a merge patch can make. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 3 }),
  ),
})).value;

/** The merge patch that turns one value into another, by the book (RFC 7386). */
function patchBetween(from: unknown, to: unknown): unknown {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(from) || !isMap(to)) return to;
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(from)) if (!(key in to)) patch[key] = null;
  for (const key of Object.keys(to)) patch[key] = patchBetween(from[key], to[key]);
  return patch;
}

t.test('the examples of RFC 7386 come out as printed there', async (t) => {
  const examples: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of examples) t.strictSame(mergePatch(target, patch), result);
});

t.test(
  'a merge patch between two values makes one of the other, and shares what stays',
  async () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        deepFreeze(from);
        return isEqual(mergePatch(from, patchBetween(from, to)), to);
      }),
    );
    fc.assert(
      fc.property(json, (value) => {
        // A map that becomes empty is a new one; everything else stays the object it was.
        const same = mergePatch(value, patchBetween(value, value));
        return same === value || isEqual(value, {});
      }),
    );
  },
);

t.test('equality ignores undefined members and nothing else', async (t) => {
  t.equal(isEqual({ a: 1, b: undefined }, { a: 1 }), true);
  t.equal(isEqual({ a: 1 }, { a: 1, b: undefined }), true);
  t.equal(isEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), true);
  t.equal(isEqual({ a: [1, 2] }, { a: [2, 1] }), false);
  t.equal(isEqual({ a: 1 }, { a: 1, b: 2 }), false);
  t.equal(isEqual([], {}), false);
  t.equal(isEqual(null, {}), false);
  t.equal(isEqual('1', 1), false);
  fc.assert(fc.property(json, (value) => isEqual(value, structuredClone(value))));
});

t.test('a JSON patch adds, removes, replaces and tests', async (t) => {
  const target = deepFreeze({ a: { 'b/c': [1, 2, 3], 'd~e': 'x' } });
  const patched = jsonPatch(target, [
    { op: 'test', path: '/a/d~0e', value: 'x' },
    { op: 'add', path: '/a/b~1c/1', value: 9 },
    { op: 'add', path: '/a/b~1c/-', value: 4 },
    { op: 'remove', path: '/a/b~1c/0' },
    { op: 'replace', path: '/a/d~0e', value: { f: 1 } },
    { op: 'add', path: '/g', value: null },
  ]);
  t.strictSame(patched, { a: { 'b/c': [9, 2, 3, 4], 'd~e': { f: 1 } }, g: null });
  t.strictSame(jsonPatch(target, [{ op: 'replace', path: '', value: 7 }]), 7);
});

t.test('a JSON patch that does not fit is refused', async (t) => {
  const target = { a: { b: 1 }, list: [1] };
  const misfits = [
    { op: 'test', path: '/a/b', value: 2 },
    { op: 'test', path: '/a/c', value: undefined },
    { op: 'remove', path: '/a/c' },
    { op: 'replace', path: '/a/c', value: 1 },
    { op: 'add', path: '/x/y', value: 1 },
    { op: 'add', path: '/list/2', value: 1 },
    { op: 'add', path: '/list/01', value: 1 },
    { op: 'remove', path: '/list/-' },
    { op: 'add', path: '/a/b/c', value: 1 },
    { op: 'remove', path: '' },
  ] as const;
  for (const operation of misfits) t.throws(() => jsonPatch(target, [operation]), PatchError);
});
