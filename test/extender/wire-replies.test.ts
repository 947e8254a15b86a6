/** Answers on the wire of extender v1 as kube-scheduler reads them. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { NodeTable } from '../../extender/node-table.ts';
import { decodeExtenderArgs } from '../../extender/wire.ts';
import {
  encodeError,
  encodeFilterResult,
  encodeHostPriorities,
  encodePreemptionResult,
  hostsListedMax,
} from '../../extender/wire-replies.ts';
import { namesBody, nodesBody } from '../support/extender-fixtures.ts';

const anyNames = fc.uniqueArray(
  fc.oneof(fc.stringMatching(/^[a-z0-9.-]{1,20}$/), fc.string({ unit: 'grapheme' })),
);

function args(names: readonly string[], body = namesBody) {
  return decodeExtenderArgs(body(names), new NodeTable());
}

t.test('filter answers in names when it was asked in names', async (t) => {
  const result = encodeFilterResult(args(['a', 'b', 'c', 'd']), [
    { index: 1, reason: 'one "reason"' },
    { index: 3, reason: 'other' },
  ]);
  t.equal(
    result.toString(),
    '{"NodeNames":["a","c"],"FailedNodes":{},"FailedAndUnresolvableNodes":{"b":"one \\"reason\\"","d":"other"},"Error":""}',
  );
});

t.test('filter answers in nodes when it was asked in nodes, each as it came', async (t) => {
  const asked = JSON.parse(nodesBody(['a', 'b']).toString());
  const result = encodeFilterResult(args(['a', 'b'], nodesBody), [{ index: 0, reason: 'why' }]);
  t.strictSame(JSON.parse(result.toString()), {
    Nodes: { metadata: {}, items: [asked.Nodes.items[1]] },
    NodeNames: null,
    FailedNodes: {},
    FailedAndUnresolvableNodes: { a: 'why' },
    Error: '',
  });
});

t.test(
  'a pod without a node gets an empty list and not null, which would be no answer',
  async (t) => {
    const none = encodeFilterResult(args(['a']), [{ index: 0, reason: 'why' }]);
    t.strictSame(JSON.parse(none.toString()).NodeNames, []);
    t.strictSame(JSON.parse(encodeFilterResult(args([]), []).toString()).NodeNames, []);
    const nodes = encodeFilterResult(args(['a'], nodesBody), [{ index: 0, reason: 'why' }]);
    t.strictSame(JSON.parse(nodes.toString()).Nodes.items, []);
  },
);

t.test(
  'every name of a request is in the answer once: kept, or left out with its reason',
  async () => {
    fc.assert(
      fc.property(anyNames, fc.infiniteStream(fc.boolean()), (names, choices) => {
        const isKept = names.map(() => choices.next().value);
        const rejections = names.flatMap((_, index) =>
          isKept[index] ? [] : [{ index, reason: 'why' }],
        );
        for (const body of [namesBody, nodesBody]) {
          const answer = JSON.parse(encodeFilterResult(args(names, body), rejections).toString());
          const items: { metadata: { name: string } }[] = answer.Nodes?.items ?? [];
          const kept = answer.NodeNames ?? items.map(({ metadata }) => metadata.name);
          assert.deepEqual(
            kept,
            names.filter((_, index) => isKept[index]),
          );
          assert.deepEqual(
            new Set(Object.keys(answer.FailedAndUnresolvableNodes)),
            new Set(names.filter((_, index) => !isKept[index])),
          );
        }
      }),
    );
  },
);

function priorities(names: readonly string[], scores: readonly number[]): object {
  const body = encodeHostPriorities(args(names).names, Uint8Array.from(scores));
  return JSON.parse(body.toString());
}

t.test('prioritize answers with a bare list of hosts and integers', async (t) => {
  t.strictSame(priorities(['a', 'b', 'c'], [0, 7, 10]), [
    { Host: 'a', Score: 0 },
    { Host: 'b', Score: 7 },
    { Host: 'c', Score: 10 },
  ]);
  t.strictSame(priorities([], []), []);
});

t.test('of many hosts only those above the lowest are listed, by how much they are', async (t) => {
  const names = Array.from({ length: hostsListedMax + 1 }, (_, index) => `node-${index}`);
  const scores = names.map((_, index) => (index === 5 ? 10 : index === 50 ? 4 : 3));
  t.strictSame(priorities(names, scores), [
    { Host: 'node-5', Score: 7 },
    { Host: 'node-50', Score: 1 },
  ]);
  t.strictSame(
    priorities(
      names,
      names.map(() => 6),
    ),
    [],
  );
});

t.test('differences between hosts survive, however many there are', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 250 }),
      fc.infiniteStream(fc.nat(10)),
      (count, stream) => {
        const names = Array.from({ length: count }, (_, index) => `ip-10-0-${index}.ec2.internal`);
        const scores = names.map(() => stream.next().value);
        const listed = new Map(
          (priorities(names, scores) as { Host: string; Score: number }[]).map((one) => [
            one.Host,
            one.Score,
          ]),
        );
        const told = names.map((name) => listed.get(name) ?? 0);
        const offset = (scores[0] ?? 0) - (told[0] ?? 0);
        assert.deepEqual(
          told.map((score) => score + offset),
          scores,
        );
      },
    ),
  );
});

t.test('preempt answers with identifiers, and node names are keys whatever they are', async (t) => {
  const body = encodePreemptionResult([
    { nodeName: 'a', victimUids: ['x', 'y'], budgetViolations: 1 },
    { nodeName: '__proto__', victimUids: ['z'], budgetViolations: 0 },
  ]);
  t.equal(
    body.toString(),
    '{"NodeNameToMetaVictims":{"a":{"Pods":[{"UID":"x"},{"UID":"y"}],"NumPDBViolations":1},"__proto__":{"Pods":[{"UID":"z"}],"NumPDBViolations":0}}}',
  );
  t.equal(encodePreemptionResult([]).toString(), '{"NodeNameToMetaVictims":{}}');
});

t.test('a message is escaped', async (t) => {
  t.equal(encodeError('').toString(), '{"Error":""}');
  t.equal(encodeError('a "b"\n').toString(), '{"Error":"a \\"b\\"\\n"}');
});
