/** Events as the cluster gets them, and what happens when it does not take them. */
import { pino } from 'pino';
import t from 'tap';
import type { ClusterEvent } from '../../../core/api/control-objects.ts';
import { ClusterError, type DecisionRecord } from '../../../core/ports.ts';
import { createMetrics } from '../../../extender/metrics.ts';
import { objectBurst, queueMax, repeatMs } from '../../../extender/records/event-writer.ts';
import { ClusterRecorder } from '../../../extender/records/recorder.ts';
import { scriptedFaults } from '../../../sim/faults.ts';
import { createWorld } from '../../../sim/world.ts';

function setUp() {
  const world = createWorld({ seed: 1, types: [] });
  const faults = scriptedFaults();
  const { client, clock, random } = world.startProcess('replica-1', { faults });
  const metrics = createMetrics('test', { process: false });
  const lines: string[] = [];
  const log = pino({ level: 'error' }, { write: (line) => void lines.push(line) });
  const recorder = new ClusterRecorder({
    client,
    clock,
    random,
    identity: 'replica-1',
    metrics,
    log,
  });
  const dropped = async (kind: string): Promise<number> => {
    const { values } = await metrics.cluster.droppedRecords.get();
    return values.find(({ labels }) => labels.kind === kind)?.value ?? 0;
  };
  const events = (): readonly ClusterEvent[] => [...world.cluster.all('Event')];
  return { world, faults, recorder, dropped, events, lines };
}

const web = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' };
const node = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u2' };

t.test('an Event says of what, why and by whom', async (t) => {
  const { world, recorder, events } = setUp();
  recorder.event(web, 'Normal', 'Nominated', 'planned for general-1');
  recorder.event(node, 'Warning', 'FailedDraining', 'a budget forbids it');
  await world.clock.advance(1_000);
  const [first, second] = events().toSorted((a, b) =>
    (a.reason ?? '') < (b.reason ?? '') ? 1 : -1,
  );
  t.match(
    [first, second],
    [
      {
        metadata: { namespace: 'default', name: /^web\.[0-9a-f]{16}$/ },
        involvedObject: web,
        type: 'Normal',
        reason: 'Nominated',
        message: 'planned for general-1',
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
        source: { component: 'stowage', host: 'replica-1' },
        reportingInstance: 'replica-1',
      },
      { metadata: { namespace: 'default' }, involvedObject: node, type: 'Warning' },
    ],
  );
});

t.test(
  'what is said again is one Event with a count, written at most every two minutes',
  async (t) => {
    const { world, recorder, events } = setUp();
    const say = (): void => recorder.event(web, 'Warning', 'FailedScheduling', 'no room');
    for (let n = 0; n < 10; n += 1) {
      say();
      await world.clock.advance(1_000);
    }
    t.match(events(), [{ count: 1 }]);
    const [first] = events();
    await world.clock.advance(repeatMs);
    say();
    await world.clock.advance(1_000);
    t.equal(events().length, 1);
    t.match(events(), [{ count: 11, firstTimestamp: first?.firstTimestamp, message: 'no room' }]);
    t.not(events()[0]?.lastTimestamp, first?.lastTimestamp);
  },
);

t.test('an Event that the API server has forgotten is made anew', async (t) => {
  const { world, recorder, events } = setUp();
  recorder.event(web, 'Warning', 'FailedScheduling', 'no room');
  await world.clock.advance(1_000);
  const { client } = world.startProcess('janitor');
  const name = events()[0]?.metadata.name ?? '';
  await world.clock.settle(client.delete('Event', { namespace: 'default', name }));
  await world.clock.advance(repeatMs);
  recorder.event(web, 'Warning', 'FailedScheduling', 'no room');
  await world.clock.advance(1_000);
  t.match(events(), [{ count: 2 }]);
  t.not(events()[0]?.metadata.name, name);
});

t.test('a lost answer makes no second Event, a lost request is made up for', async (t) => {
  const { world, recorder, events, faults, dropped } = setUp();
  const isCreate = ({ verb }: { readonly verb: string }): boolean => verb === 'create';
  faults.add({ matches: isCreate, fault: { type: 'lose-answer' } });
  recorder.event(web, 'Normal', 'Nominated', 'one');
  await world.clock.advance(40_000);
  faults.add({ matches: isCreate, fault: { type: 'lose-request' } });
  recorder.event(web, 'Normal', 'Nominated', 'two');
  await world.clock.advance(40_000);
  t.strictSame(new Set(events().map(({ message }) => message)), new Set(['one', 'two']));
  t.equal(await dropped('event'), 0);
});

t.test('an Event that nobody takes is given up and counted', async (t) => {
  const { world, recorder, events, faults, dropped } = setUp();
  const error = new ClusterError('Unavailable', 'connect ECONNREFUSED');
  faults.add({ matches: () => true, fault: { type: 'refuse', error }, times: 3 });
  recorder.event(web, 'Normal', 'Nominated', 'one');
  await world.clock.advance(60_000);
  t.equal(await dropped('event'), 1);
  const forbidden = new ClusterError('Forbidden', 'the namespace is being terminated');
  faults.add({ matches: () => true, fault: { type: 'refuse', error: forbidden } });
  recorder.event(node, 'Normal', 'Other', 'two');
  await world.clock.advance(1_000);
  t.equal(await dropped('event'), 2, 'what is refused for good is not tried again');
  recorder.event(node, 'Normal', 'Other', 'three');
  await world.clock.advance(1_000);
  t.match(events(), [{ message: 'three' }]);
});

t.test('an object that is spoken of too often loses what comes last', async (t) => {
  const { world, recorder, events, dropped } = setUp();
  for (let n = 0; n < 40; n += 1) recorder.event(web, 'Normal', 'Nominated', `message ${n}`);
  recorder.event(node, 'Normal', 'Other', 'others are still heard');
  await world.clock.advance(10_000);
  t.equal(events().length, objectBurst + 1);
  t.equal(await dropped('event'), 40 - objectBurst);
  await world.clock.advance(60_000);
  recorder.event(web, 'Normal', 'Nominated', 'a minute later');
  await world.clock.advance(1_000);
  t.equal(events().length, objectBurst + 2);
});

t.test('a storm is held in a bounded queue and told in time', async (t) => {
  const { world, recorder, events, dropped } = setUp();
  for (let n = 0; n < queueMax + 500; n += 1) {
    recorder.event({ ...web, name: `p${n}`, uid: `u${n}` }, 'Normal', 'Nominated', 'planned');
  }
  t.equal(await dropped('event'), 500);
  await world.clock.advance(10_000);
  t.ok(events().length >= 900 && events().length <= 1_100, `${events().length} after 10 s`);
  await world.clock.advance(100_000);
  t.equal(events().length, queueMax);
});

t.test(
  'at the end what waits is written within the deadline, and the rest is counted',
  async (t) => {
    const { world, recorder, events, dropped } = setUp();
    for (let n = 0; n < 3_000; n += 1) {
      recorder.event({ ...web, name: `p${n}`, uid: `u${n}` }, 'Normal', 'Nominated', 'planned');
    }
    const startMs = world.clock.nowMs();
    await world.clock.settle(recorder.flush(2_000));
    t.ok(world.clock.nowMs() - startMs <= 2_000);
    await world.clock.settle(recorder.done);
    const written = events().length;
    t.ok(written > 500, `${written} written`);
    t.ok((await dropped('event')) >= 3_000 - written);
    recorder.event(node, 'Normal', 'Other', 'too late');
    await world.clock.advance(10_000);
    t.equal(events().length, written);
  },
);

t.test('a recorder that has nothing to say ends at once', async (t) => {
  const { world, recorder } = setUp();
  await recorder.flush(2_000);
  await recorder.done;
  t.equal(world.clock.eventCount, 0);
});

t.test('who subscribes is told of new decisions, and breaks nothing', async (t) => {
  const { recorder, lines } = setUp();
  const record: DecisionRecord = {
    timeMs: 1,
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'default', name: 'web' },
    outcome: 'waiting',
    reason: 'a batch is being planned',
  };
  const told: DecisionRecord[] = [];
  recorder.subscribe(() => {
    throw new Error('a broken dashboard');
  });
  const stop = recorder.subscribe((one) => told.push(one));
  recorder.decide(record);
  recorder.decide({ ...record, timeMs: 2 });
  t.strictSame(told, [record]);
  t.match(lines, [/a broken dashboard/]);
  stop();
  recorder.decide({ ...record, outcome: 'planned' });
  t.equal(told.length, 1);
  t.equal(recorder.recent(10).length, 2);
});
