/** Requests on the wire of extender v1, whole or damaged. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { InputError } from '../../core/errors.ts';
import { NodeTable, namesMax } from '../../extender/node-table.ts';
import {
  decodeBindingArgs,
  decodeExtenderArgs,
  decodePreemptionArgs,
  jsonDepthMax,
} from '../../extender/wire.ts';
import { extenderNode, namesBody, nodesBody, podJson } from '../support/extender-fixtures.ts';

/** What is asked about, as strings, and the pod. */
function decoded(body: Buffer | string, table = new NodeTable()) {
  const { pod, names, nodes } = decodeExtenderArgs(Buffer.from(body), table);
  const spelt = Array.from({ length: names.count }, (_, index) =>
    names.bytes.toString('utf8', names.starts[index], names.ends[index]),
  );
  return { pod, names: spelt.map((name) => String(JSON.parse(`"${name}"`))), nodes };
}

/** The message of the refusal; anything but a refusal is an error. */
function refusal(body: Buffer | string): string {
  try {
    decoded(body);
  } catch (error) {
    if (error instanceof InputError) {
      return error.message;
    }
    throw error;
  }
  return 'it was accepted';
}

const pod = {
  namespace: 'default',
  name: 'asker',
  uid: 'uid-asker',
  isDaemon: false,
  expectedRuntimeMs: undefined,
};

t.test('a request with node names is read as kube-scheduler writes it', async (t) => {
  t.strictSame(decoded(namesBody(['a', 'b'])), { pod, names: ['a', 'b'], nodes: undefined });
  t.strictSame(decoded(namesBody([])), { pod, names: [], nodes: undefined });
});

t.test('names come with the nodes of that name', async (t) => {
  const table = new NodeTable();
  table.put(extenderNode('b'));
  for (const body of [namesBody(['a', 'b']), nodesBody(['a', 'b'])]) {
    const { names } = decodeExtenderArgs(body, table);
    t.strictSame(names.nodes.slice(0, 2), [undefined, table.node('b')]);
  }
});

t.test('a request with whole nodes is read, and the nodes are kept as they came', async (t) => {
  const { names, nodes } = decoded(nodesBody(['a', 'b']));
  t.strictSame(names, ['a', 'b']);
  t.match(nodes, [{ metadata: { name: 'a' }, status: { allocatable: { cpu: '4' } } }, {}]);
  const empty = JSON.stringify({ Pod: podJson(), Nodes: { items: null }, NodeNames: null });
  t.strictSame(decoded(empty).names, []);
});

t.test('what the decisions depend on is taken from the pod', async (t) => {
  const owner = { kind: 'DaemonSet', name: 'cni', controller: true };
  const expected = { 'stowage.dev/expected-runtime': '10m' };
  const daemon = decoded(
    namesBody(['a'], podJson({ ownerReferences: [owner], annotations: expected })),
  ).pod;
  t.match(daemon, { isDaemon: true, expectedRuntimeMs: 600_000 });
  const reader = { ...owner, controller: false };
  t.match(decoded(namesBody(['a'], podJson({ ownerReferences: [reader] }))).pod, {
    isDaemon: false,
  });
  const limited = { ...podJson(), spec: { activeDeadlineSeconds: 30 } };
  t.match(decoded(namesBody(['a'], limited)).pod, { expectedRuntimeMs: 30_000 });
});

t.test('a body that cannot be read names the field and what was expected', async (t) => {
  const withPod = (rest: object): string => JSON.stringify({ Pod: podJson(), ...rest });
  const cases: readonly [string, string][] = [
    ['', 'expected JSON'],
    ['{"Pod":', 'expected JSON'],
    ['[]', 'expected a JSON object'],
    ['null', 'expected a JSON object'],
    ['{"NodeNames":["a"]}', 'Pod: expected a pod'],
    ['{"Pod":null,"NodeNames":["a"]}', 'Pod: expected a pod'],
    ['{"Pod":{},"NodeNames":["a"]}', 'Pod.metadata: expected an object'],
    ['{"Pod":{"metadata":{}},"NodeNames":["a"]}', 'Pod.metadata.name: expected a string'],
    ['{"Pod":{"metadata":{"name":"a"}},"NodeNames":["a"]}', 'Pod.metadata.uid: expected a string'],
    [withPod({}), 'NodeNames: expected a list of names, or a list in Nodes'],
    [withPod({ NodeNames: 'a' }), 'NodeNames: expected a list'],
    [withPod({ NodeNames: ['a', 1] }), 'NodeNames[1]: expected a string'],
    [withPod({ Nodes: { items: {} } }), 'Nodes.items: expected a list'],
    [withPod({ Nodes: { items: [{}] } }), 'Nodes.items[0].metadata.name: expected a string'],
    [withPod({ Nodes: { items: [null] } }), 'Nodes.items[0].metadata.name: expected a string'],
    [`${namesBody(['a'])} x`, 'expected JSON'],
  ];
  for (const [body, message] of cases) {
    const said = refusal(body);
    t.ok(said.startsWith(message), `${body}: ${said}`);
  }
});

t.test('deep nesting and broken UTF-8 are refused, wherever they are', async (t) => {
  const deep = `${'['.repeat(jsonDepthMax)}${']'.repeat(jsonDepthMax)}`;
  const names = '"Nodes":null,"NodeNames":["a"]}';
  t.throws(() => decoded(`{"Pod":{"metadata":${deep}},${names}`), /nested at most 64 deep/);
  t.throws(() => decoded(`{"Pod":${deep},"NodeNames": ["a"]}`), /nested at most 64 deep/);
  const broken = Buffer.from(namesBody(['a'], podJson({ namespace: '@' })));
  broken[broken.indexOf('@')] = 0xff;
  t.throws(() => decoded(broken), /expected JSON in UTF-8/);
  const brokenName = namesBody(['@']);
  brokenName[brokenName.lastIndexOf('@')] = 0xff;
  t.throws(() => decoded(brokenName), /expected JSON in UTF-8/);
});

t.test('more names than any cluster has nodes are refused', async (t) => {
  const names = Array.from({ length: namesMax }, () => '');
  t.equal(decoded(namesBody(names)).names.length, namesMax);
  t.equal(refusal(namesBody([...names, ''])), 'NodeNames: expected at most 131072 nodes');
});

t.test('keys that mean something to JavaScript are keys and nothing more', async (t) => {
  const text = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"Pod":{"metadata":{"name":"a","uid":"u","annotations":{"__proto__":"x"}},"__proto__":{"polluted":true}},"Nodes":null,"NodeNames":["__proto__","constructor"]}`;
  const { pod: read, names } = decoded(text);
  t.strictSame(names, ['__proto__', 'constructor']);
  t.equal(read.namespace, '');
  t.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  t.throws(() => decoded('{"__proto__":{"Pod":{}},"NodeNames":["a"]}'), /Pod: expected a pod/);
});

/** JSON with freedom in everything that must not matter. */
const anyBody = fc
  .record({
    names: fc.array(
      fc.oneof(fc.stringMatching(/^[a-z0-9-]{1,12}$/), fc.string({ unit: 'grapheme' })),
    ),
    extra: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
    annotations: fc.dictionary(fc.constantFrom('a', '"NodeNames":[', 'NodeNames'), fc.string()),
    last: fc.boolean(),
    space: fc.constantFrom(0, 1),
  })
  .map(({ names, extra, annotations, last, space }) => {
    const Pod = podJson({ annotations });
    const { Pod: _pod, NodeNames: _names, ...rest } = extra;
    const body = last
      ? { ...rest, Pod, Nodes: null, NodeNames: names }
      : { Pod, NodeNames: names, ...rest };
    return { names, text: JSON.stringify(body, undefined, space) };
  });

t.test('names are the same however the JSON is written', async () => {
  fc.assert(
    fc.property(anyBody, ({ names, text }) => {
      assert.deepEqual(decoded(text).names, names);
    }),
    { numRuns: 500 },
  );
});

/** The same rules, from a whole JSON.parse. */
function referenceNames(text: string): readonly string[] | undefined {
  try {
    const { Pod, NodeNames } = JSON.parse(text);
    const { name, uid, namespace = '' } = Pod.metadata;
    const isRead = [name, uid, namespace ?? ''].every((one) => typeof one === 'string');
    const isList = Array.isArray(NodeNames) && NodeNames.every((one) => typeof one === 'string');
    return isRead && isList ? NodeNames : undefined;
  } catch {
    return undefined;
  }
}

t.test(
  'a request that was damaged on the way is read as JSON.parse reads it, or refused',
  async () => {
    const body = namesBody(['ip-10-0-0-1.ec2.internal', 'ip-10-0-0-2', 'a', '']).toString('latin1');
    const at = fc.nat(body.length);
    const damage = fc.record({
      at,
      removed: fc.nat(20),
      put: fc.oneof(
        fc.constantFrom('"', '\\', ',', ']', '[', '}', '{', ' ', ',"NodeNames":["x"]', '\u0000'),
        fc.string({ maxLength: 3 }),
      ),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        let text = body;
        for (const { at: from, removed, put } of damages) {
          text = text.slice(0, from) + put + text.slice(from + removed);
        }
        const expected = referenceNames(text);
        if (expected === undefined) {
          assert.throws(() => decoded(text), InputError);
        } else {
          assert.deepEqual(decoded(text).names, expected);
        }
      }),
      { numRuns: 3_000 },
    );
  },
);

t.test('bind is read, and every part of it is needed', async (t) => {
  const args = { PodName: 'p', PodNamespace: 'n', PodUID: 'u', Node: 'a' };
  t.strictSame(decodeBindingArgs(Buffer.from(JSON.stringify(args))), {
    namespace: 'n',
    name: 'p',
    uid: 'u',
    nodeName: 'a',
  });
  for (const field of Object.keys(args)) {
    const without = Buffer.from(JSON.stringify({ ...args, [field]: undefined }));
    t.throws(() => decodeBindingArgs(without), new RegExp(`^${field}: expected a string`));
    const empty = Buffer.from(JSON.stringify({ ...args, [field]: '' }));
    t.throws(() => decodeBindingArgs(empty), /expected a string that is not empty/);
  }
});

t.test('preempt is read in both modes', async (t) => {
  const meta = { a: { Pods: [{ UID: 'x' }, { UID: 'y' }], NumPDBViolations: 1 } };
  const whole = {
    a: { Pods: [podJson({ uid: 'x' }), podJson({ uid: 'y' })], NumPDBViolations: 1 },
  };
  const read = (rest: object) =>
    decodePreemptionArgs(Buffer.from(JSON.stringify({ Pod: podJson(), ...rest })));
  const expected = [{ nodeName: 'a', victimUids: ['x', 'y'], budgetViolations: 1 }];
  t.strictSame(read({ NodeNameToVictims: null, NodeNameToMetaVictims: meta }).candidates, expected);
  t.strictSame(
    read({ NodeNameToVictims: whole, NodeNameToMetaVictims: null }).candidates,
    expected,
  );
  t.strictSame(read({ NodeNameToVictims: null, NodeNameToMetaVictims: null }).candidates, []);
  t.strictSame(read({ NodeNameToMetaVictims: { a: { Pods: null } } }).candidates, [
    { nodeName: 'a', victimUids: [], budgetViolations: 0 },
  ]);
  const wrong: readonly [object, RegExp][] = [
    [{ NodeNameToMetaVictims: [] }, /NodeNameToMetaVictims: expected victims by node name/],
    [{ NodeNameToMetaVictims: { a: null } }, /NodeNameToMetaVictims\.a: expected an object/],
    [{ NodeNameToMetaVictims: { a: { Pods: [{}] } } }, /Pods\[0\]\.UID: expected a string/],
    [{ NodeNameToMetaVictims: { a: { NumPDBViolations: 0.5 } } }, /expected an integer/],
    [{ NodeNameToVictims: { a: { Pods: [{}] } } }, /Pods\[0\]\.metadata\.uid: expected a string/],
  ];
  for (const [rest, message] of wrong) {
    t.throws(() => read(rest), message);
  }
});
