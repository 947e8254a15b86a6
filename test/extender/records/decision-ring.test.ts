/** The ring of decisions: what is found, what is merged, what goes first. */
import * as fc from 'fast-check';
import t from 'tap';
import type { DecisionRecord } from '../../../core/ports.ts';
import {
  DecisionRing,
  decisionsMax,
  decisionsPerSubjectMax,
} from '../../../extender/records/decision-ring.ts';

function decision(
  name: string,
  timeMs: number,
  more: Partial<DecisionRecord> = {},
): DecisionRecord {
  return {
    timeMs,
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'shop', name, uid: `uid-${name}` },
    outcome: 'unschedulable',
    reason: 'no type is large enough',
    ...more,
  };
}

const pod = (name: string) => ({ kind: 'Pod', namespace: 'shop', name });
const reasonsOf = (entries: readonly { readonly record: DecisionRecord }[]) =>
  entries.map(({ record }) => record.reason);

t.test('decisions are found by what they are about, newest first', async (t) => {
  const ring = new DecisionRing();
  ring.add(decision('a', 1, { reason: 'first' }));
  ring.add(decision('b', 2));
  ring.add(decision('a', 3, { reason: 'second' }));
  t.strictSame(reasonsOf(ring.about(pod('a'))), ['second', 'first']);
  t.strictSame(ring.about({ kind: 'Pod', namespace: 'other', name: 'a' }), []);
  t.strictSame(
    ring.recent(2).map(({ timeMs }) => timeMs),
    [2, 3],
    'and all of them in the order in which they were made',
  );
});

t.test('a pod that has taken over a name does not inherit its decisions', async (t) => {
  const ring = new DecisionRing();
  ring.add(decision('web-0', 1));
  t.equal(ring.about(pod('web-0'), 'uid-web-0').length, 1);
  t.equal(ring.about(pod('web-0'), 'another').length, 0);
});

t.test('decisions that name a claim or a node are found by it', async (t) => {
  const ring = new DecisionRing();
  const details = { claim: 'general-1', node: 'ip-10-0-0-1', instanceType: 'm7i.large' };
  ring.add(decision('a', 1, { outcome: 'planned', details }));
  ring.add(decision('b', 2, { outcome: 'planned', details: { claim: 'general-1' } }));
  const names = (name: string, kind: string) =>
    ring.mentioning({ kind, name }).map(({ record }) => record.subject.name);
  t.strictSame(names('general-1', 'NodeClaim'), ['b', 'a']);
  t.strictSame(names('ip-10-0-0-1', 'Node'), ['a']);
  t.strictSame(names('m7i.large', 'NodeClaim'), []);
});

t.test('a repetition is counted, a change of mind is told', async (t) => {
  const ring = new DecisionRing();
  t.strictSame(ring.add(decision('a', 1)), { isNew: true, hasForgotten: false });
  t.equal(ring.add(decision('a', 2)).isNew, false);
  ring.add(decision('a', 3, { actor: 'binder', outcome: 'released', reason: 'it went elsewhere' }));
  t.equal(ring.add(decision('a', 4)).isNew, false, 'another actor does not come in between');
  t.match(ring.about(pod('a')), [
    { count: 1, record: { actor: 'binder' } },
    { count: 3, firstMs: 1, record: { timeMs: 4 } },
  ]);
  ring.add(decision('a', 5, { outcome: 'planned', details: { claim: 'x' } }));
  t.equal(ring.add(decision('a', 6, { outcome: 'planned', details: { claim: 'y' } })).isNew, true);
  t.equal(ring.add(decision('a', 7)).isNew, true, 'the same again, after another');
});

t.test('no object and not all together have more than their bound', async (t) => {
  const ring = new DecisionRing({ max: 100 });
  for (let n = 0; n < 50; n += 1) ring.add(decision('a', n, { reason: `reason ${n}` }));
  t.equal(ring.about(pod('a')).length, decisionsPerSubjectMax);
  t.equal(ring.recent(1000).length, decisionsPerSubjectMax);
  let forgotten = 0;
  for (let n = 0; n < 500; n += 1) {
    if (ring.add(decision(`p${n}`, n)).hasForgotten) forgotten += 1;
  }
  t.equal(ring.recent(1000).length, 100);
  t.equal(forgotten, 400 + decisionsPerSubjectMax);
  t.strictSame(ring.about(pod('a')), []);
  t.equal(ring.about(pod('p499')).length, 1);
});

t.test('the last word about who waits outlives the bustle of others', async (t) => {
  const waiting = new Set(['old']);
  const isStanding = ({ subject }: DecisionRecord): boolean => waiting.has(subject.name);
  const ring = new DecisionRing({ max: 50, isStanding });
  ring.add(decision('old', 0, { reason: 'overtaken' }));
  ring.add(decision('old', 1, { reason: 'the last word' }));
  for (let n = 0; n < 1000; n += 1) ring.add(decision(`p${n}`, n + 2));
  t.strictSame(reasonsOf(ring.about(pod('old'))), ['the last word']);
  t.ok(
    ring.recent(50).every(({ timeMs }) => timeMs > 900),
    'the old is not among the recent',
  );
  waiting.clear();
  for (let n = 0; n < 100; n += 1) ring.add(decision(`q${n}`, n + 2000));
  t.strictSame(ring.about(pod('old')), []);
});

t.test('where everything waits the oldest go all the same', async (t) => {
  const ring = new DecisionRing({ max: 20, isStanding: () => true });
  for (let n = 0; n < 200; n += 1) t.ok(ring.add(decision(`p${n}`, n)).isNew);
  t.equal(ring.about(pod('p199')).length, 1);
  t.ok(20 < decisionsMax);
});

t.test('indexes and ring agree whatever comes', async (t) => {
  const record = fc.record({
    name: fc.integer({ min: 0, max: 12 }),
    reason: fc.integer({ min: 0, max: 3 }),
    claim: fc.integer({ min: 0, max: 4 }),
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(record, { maxLength: 200 }), (adds) => {
        const ring = new DecisionRing({ max: 10, isStanding: ({ reason }) => reason === '0' });
        const last = new Map<string, string>();
        for (const [timeMs, { name, reason, claim }] of adds.entries()) {
          const details = { claim: `c${claim}` };
          ring.add(decision(`p${name}`, timeMs, { reason: String(reason), details }));
          last.set(`p${name}`, String(reason));
          const [newest] = ring.about(pod(`p${name}`));
          if (newest?.record.timeMs !== timeMs) return false;
        }
        const about = [...last.keys()].flatMap((name) => ring.about(pod(name)));
        const mentioned = [0, 1, 2, 3, 4].flatMap((claim) =>
          ring.mentioning({ kind: 'NodeClaim', name: `c${claim}` }),
        );
        return about.length <= 10 && new Set(mentioned).size === about.length;
      }),
    ),
  );
});
