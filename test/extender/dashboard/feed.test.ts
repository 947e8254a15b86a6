/** Whom the stream tells what, how often, and whom it lets go. */
import t, { type Test } from 'tap';
import { Collector } from '../../../extender/dashboard/collector.ts';
import {
  type Feed,
  type FeedSink,
  feedBacklogBytesMax,
  feedClientsMax,
  startFeed,
} from '../../../extender/dashboard/feed.ts';
import type { DashboardDiff, DashboardState } from '../../../extender/dashboard/state.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';
import { batchShapes, submitJob } from '../../../sim/workloads.ts';
import { type StandIn, startStandIn } from './stand-in.ts';

const [lint] = batchShapes;
if (lint === undefined) throw new Error('no shapes');

/** A client that keeps what it is told. */
class Listener implements FeedSink {
  backlogBytes = 0;
  hasEnded = false;
  readonly texts: string[] = [];

  write(text: string): void {
    this.texts.push(text);
  }

  end(): void {
    this.hasEnded = true;
  }

  get events(): readonly string[] {
    return this.texts.flatMap((text) =>
      [...text.matchAll(/^event: (\w+)$/gm)].map(([, name = '']) => name),
    );
  }

  /** Of the text of that number. */
  data(index: number): unknown {
    const [, text = ''] = this.texts[index]?.match(/^data: (.*)$/m) ?? [];
    return JSON.parse(text);
  }
}

/** The feed's clock is not the cluster's: here each is moved by hand. */
async function start(t: Test) {
  const standIn: StandIn = await startStandIn({ seed: 1 });
  const clock = createVirtualClock();
  const feed: Feed = startFeed({ collector: new Collector(standIn.sources), clock, run: 'run-1' });
  t.teardown(() => {
    feed.close();
    standIn.stop();
  });
  return { standIn, clock, feed };
}

t.test('first everything, then what has changed, numbered through', async (t) => {
  const { standIn, clock, feed } = await start(t);
  submitJob(standIn.world.cluster, lint, { pods: 3, runMs: 60_000 });
  await standIn.world.clock.advance(10_000);
  const client = new Listener();
  feed.join(client);
  t.match(client.texts[0], /^retry: \d+\n\nevent: state\nid: run-1-\d+\ndata: /);
  const state = client.data(0) as DashboardState;
  await standIn.world.clock.advance(90_000);
  await clock.advance(250);
  t.strictSame(client.events, ['state', 'diff']);
  const diff = client.data(1) as DashboardDiff;
  t.equal(diff.revision, state.revision + 1);
  t.match(diff.nodes, [{ step: 'ready' }]);
  t.match(client.texts[1], `id: run-1-${diff.revision}\n`);
});

t.test('at most four diffs a second, however much happens', async (t) => {
  const { standIn, clock, feed } = await start(t);
  const client = new Listener();
  feed.join(client);
  for (let index = 0; index < 100; index += 1) {
    standIn.decisions.add({
      timeMs: index,
      actor: 'test',
      subject: { kind: 'Node', name: 'n' },
      outcome: 'made',
      reason: String(index),
    });
    await clock.advance(20);
  }
  const diffs = client.events.filter((name) => name === 'diff').length;
  t.ok(diffs >= 6 && diffs <= 8, `${diffs} in two seconds`);
  const told = client.texts.slice(1).map((_, index) => client.data(index + 1) as DashboardDiff);
  const numbers = told.flatMap(({ decisions = [] }) => decisions.map(({ number }) => number));
  t.strictSame(
    numbers,
    numbers.map((_, index) => index + 1),
    'none is left out',
  );
  t.ok(numbers.length > 80);
});

t.test('a quiet stream beats', async (t) => {
  const { clock, feed } = await start(t);
  const client = new Listener();
  feed.join(client);
  await clock.advance(61_000);
  t.strictSame(client.events.slice(-3), ['beat', 'beat', 'beat']);
});

t.test('a client that does not read is let go; the others are not held up', async (t) => {
  const { standIn, clock, feed } = await start(t);
  const [slow, quick] = [new Listener(), new Listener()];
  feed.join(slow);
  feed.join(quick);
  slow.backlogBytes = feedBacklogBytesMax + 1;
  submitJob(standIn.world.cluster, lint, { pods: 1, runMs: 1_000 });
  await standIn.world.clock.advance(1_000);
  await clock.advance(1_000);
  t.equal(slow.hasEnded, true);
  t.strictSame(slow.events, ['state']);
  t.strictSame(quick.events, ['state', 'diff']);
  t.equal(feed.clientCount, 1);
});

t.test('clients are bounded, and a place that is given up is free', async (t) => {
  const { feed } = await start(t);
  const leaves = Array.from({ length: feedClientsMax }, () => feed.join(new Listener()));
  t.equal(feed.join(new Listener()), undefined);
  leaves[0]?.();
  t.equal(feed.clientCount, feedClientsMax - 1);
  t.type(feed.join(new Listener()), 'function');
});

t.test('the end of the feed is the end of its clients', async (t) => {
  const { clock, feed } = await start(t);
  const client = new Listener();
  feed.join(client);
  feed.close();
  t.equal(client.hasEnded, true);
  await clock.advance(60_000);
  t.strictSame(client.events, ['state']);
  t.equal(feed.join(new Listener()), undefined);
});

t.test('without clients the curve goes on', async (t) => {
  const { standIn, clock, feed } = await start(t);
  for (let second = 0; second < 30; second += 1) {
    await standIn.world.clock.advance(1_000);
    await clock.advance(1_000);
  }
  const { series } = feed.state();
  t.ok(series.length >= 14, `${series.length} points in 30 s`);
});
