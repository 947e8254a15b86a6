/** Refusals as an annotation: bounded, equal for equal, read with suspicion. */
import t from 'tap';
import {
  annotationRefusals,
  refusalsOf,
  refusalsRecord,
  refusalsWrittenMax,
} from '../../../core/ec2/refusal-record.ts';
import { UnavailableOfferings } from '../../../core/ec2/unavailable-offerings.ts';

const m5 = { instanceType: 'm5.large', zone: 'us-east-1a', capacityType: 'spot' } as const;
const nowMs = 1_800_000_000_000;

t.test('what holds is read again as it was written, however often', (t) => {
  const first = new UnavailableOfferings();
  t.equal(refusalsRecord(first.records(nowMs)), undefined);
  first.mark(m5, 'capacity', nowMs);
  first.mark({ ...m5, zone: 'us-east-1b' }, 'addresses', nowMs);
  const text = refusalsRecord(first.records(nowMs)) ?? '';
  const second = new UnavailableOfferings();
  second.restore(refusalsOf({ [annotationRefusals]: text }), nowMs + 60_000);
  t.equal(second.isUnavailable(m5, nowMs + 60_000), true);
  t.equal(second.isUnavailable({ ...m5, zone: 'us-east-1b' }, nowMs + 60_000), true);
  t.equal(second.isUnavailable({ ...m5, zone: 'us-east-1c' }, nowMs + 60_000), false);
  t.equal(refusalsRecord(second.records(nowMs + 60_000)), text);
  t.equal(second.isUnavailable(m5, nowMs + 180_000), false, 'no longer than it was');
  t.end();
});

t.test('so many are written, those that hold longest', (t) => {
  const records = Array.from({ length: 2 * refusalsWrittenMax }, (_, index) => ({
    key: `type/spot/us-east-1a/m5.${index}xlarge`,
    untilMs: nowMs + index * 1000,
  }));
  const text = refusalsRecord(records) ?? '';
  t.equal(refusalsRecord(records.toReversed()), text);
  t.ok(text.length < 20_000);
  const kept = refusalsOf({ [annotationRefusals]: text });
  t.equal(kept.length, refusalsWrittenMax);
  t.equal(Math.min(...kept.map(({ untilMs }) => untilMs)), nowMs + refusalsWrittenMax * 1000);
  t.end();
});

t.test('what anybody may have written there is not believed', (t) => {
  for (const text of ['', 'x', '[]', '{"type/spot/a/b":"soon"}', '{"a":null}']) {
    t.strictSame(refusalsOf({ [annotationRefusals]: text }), [], text);
  }
  t.strictSame(refusalsOf(undefined), []);
  const offerings = new UnavailableOfferings();
  const forEver = JSON.stringify({ 'type/spot/us-east-1a/m5.large': 4e9 });
  offerings.restore(refusalsOf({ [annotationRefusals]: forEver }), nowMs);
  t.equal(offerings.isUnavailable(m5, nowMs + 1_800_001), false, 'half an hour at most');
  t.end();
});
