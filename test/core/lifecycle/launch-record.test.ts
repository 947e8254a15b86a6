// What is written on a NodeClaim before the cloud is asked.

import * as fc from 'fast-check';
import t from 'tap';
import { capacityTypes } from '../../../core/api/labels.ts';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import {
  annotationLaunch,
  launchRecordOf,
  launchRecordText,
} from '../../../core/lifecycle/launch-record.ts';
import { annotationOfferings, offeringsRecord } from '../../../core/scheduling/claim-offerings.ts';

const word = fc.stringMatching(/^[a-z0-9.-]{1,12}$/);
const offering = fc
  .record({
    instanceType: word,
    zone: word,
    capacityType: fc.constantFrom(...capacityTypes),
    reservationId: fc.option(word, { nil: undefined }),
  })
  .map(
    ({ reservationId, ...rest }): LaunchOffering =>
      reservationId === undefined ? rest : { ...rest, reservationId },
  );
const offerings = fc.array(offering, { minLength: 1, maxLength: 60 });

t.test('what is written is read back, with and without a plan beside it', async () => {
  fc.assert(
    fc.property(
      offerings,
      offerings,
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 4e12 }),
      (own, planned, isPlanned, attempt, atMs) => {
        const annotations = { [annotationOfferings]: offeringsRecord(isPlanned ? own : planned) };
        const record = { attempt, token: `uid-${attempt}`, atMs, offerings: own };
        const text = launchRecordText(record, annotations);
        const found = launchRecordOf({ ...annotations, [annotationLaunch]: text });
        return JSON.stringify(found) === JSON.stringify(record);
      },
    ),
  );
});

t.test('the plan is not written twice', async (t) => {
  const list = [{ instanceType: 'a', zone: 'z', capacityType: 'spot' as const }];
  const annotations = { [annotationOfferings]: offeringsRecord(list) };
  const record = { attempt: 1, token: 'x', atMs: 0, offerings: list };
  t.notMatch(launchRecordText(record, annotations), 'offerings');
  t.match(launchRecordText(record, undefined), 'a/z/spot');
});

t.test('what cannot be read is no record', async (t) => {
  const annotations = { [annotationOfferings]: '["a/z/spot"]' };
  for (const text of [
    '',
    'null',
    '[]',
    '{',
    '{"attempt":1}',
    '{"attempt":"1","token":"x","at":"2026-01-01T00:00:00Z"}',
    '{"attempt":1,"token":"x","at":"soon"}',
    '{"attempt":1,"token":"x","at":"2026-01-01T00:00:00Z","offerings":[]}',
    '{"attempt":1,"token":"x","at":"2026-01-01T00:00:00Z","offerings":["a"]}',
  ]) {
    t.equal(launchRecordOf({ ...annotations, [annotationLaunch]: text }), undefined, text);
  }
  t.equal(launchRecordOf(annotations), undefined);
  t.equal(launchRecordOf(undefined), undefined);
});
