/** The interruption queue over the wire: the real SDK, the simulated SQS, real time. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { loadCatalogue } from '../../../../catalogue/loader.ts';
import { CloudError } from '../../../../core/cloud-port.ts';
import type { EventSource } from '../../../../core/interruption-port.ts';
import { createApiCalls } from '../../../../extender/adapters/ec2/api-calls.ts';
import {
  createQueueClient,
  createQueueSource,
} from '../../../../extender/adapters/ec2/queue-source.ts';
import { systemClock, systemRandom } from '../../../../extender/adapters/system.ts';
import { startInterruption } from '../../../../extender/controllers/interruption/interruption.ts';
import { createSourceHealth } from '../../../../extender/controllers/interruption/source-health.ts';
import { Ec2Engine } from '../../../../sim/ec2-engine.ts';
import { createRandom } from '../../../../sim/random.ts';
import type { MessageQueue } from '../../../../sim/wire/message-queue.ts';
import { startWire, type Wire } from '../../../../sim/wire/server.ts';
import { claimWorld } from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

t.setTimeout(120_000);

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const meter = { called: () => undefined, waited: () => undefined };
const api = createApiCalls({ clock: systemClock, random: systemRandom, meter });

interface Scene {
  readonly wire: Wire;
  readonly queue: MessageQueue;
  sourceOf(queue: string): EventSource;
}

async function scene(t: Test): Promise<Scene> {
  const catalogue = loadCatalogue();
  const engine = new Ec2Engine(systemClock, createRandom(1), { types: catalogue.types });
  const wire = await startWire({ engine, clock: systemClock, catalogue });
  const [name = ''] = wire.account.queueNames;
  const queue = wire.account.queues.get(name);
  if (queue === undefined) throw new Error('there is no queue');
  const client = createQueueClient({ region: 'us-east-1', endpoint: wire.endpoint, credentials });
  t.teardown(async () => {
    client.destroy();
    await wire.close();
  });
  return { wire, queue, sourceOf: (named) => createQueueSource({ api, client, queue: named }) };
}

function stateChange(state: string): string {
  return JSON.stringify({
    id: randomUUID(),
    'detail-type': 'EC2 Instance State-change Notification',
    time: new Date().toISOString(),
    detail: { 'instance-id': 'i-0b662ef9931388ba0', state },
  });
}

t.test('messages come typed, and go when they are acknowledged', async (t) => {
  const { queue, sourceOf } = await scene(t);
  const source = sourceOf(queue.name);
  queue.send(stateChange('shutting-down'));
  queue.send('not JSON');
  const end = new AbortController();
  const messages = await source.receive(end.signal);
  t.strictSame(
    messages.map(({ content }) => content.type),
    ['event', 'malformed'],
  );
  t.equal(queue.size, 2);
  await source.acknowledge(
    messages.map(({ receipt }) => receipt),
    end.signal,
  );
  t.equal(queue.size, 0);
  const waiting = source.receive(end.signal);
  end.abort(new Error('enough'));
  await t.rejects(waiting, 'a long poll ends with its signal');
});

t.test('a queue that is not there is said to be, and found when it is made', async (t) => {
  const { wire, queue, sourceOf } = await scene(t);
  const source = sourceOf('another');
  const { signal } = new AbortController();
  const error = await source.receive(signal).catch((thrown: unknown) => thrown);
  t.ok(error instanceof CloudError);
  t.match((error as Error).message, /there is no queue another: create it/);
  wire.account.queues.set('another', queue);
  queue.send(stateChange('running'));
  t.equal((await source.receive(signal)).length, 1);
});

t.test('fifteen thousand messages are drained', async (t) => {
  const { queue, sourceOf } = await scene(t);
  const count = 15_000;
  for (let sent = 0; sent < count; sent += 1) {
    queue.send(stateChange(sent % 3 === 0 ? 'terminated' : 'running'));
  }
  const source = sourceOf(queue.name);
  const drained = Promise.withResolvers<void>();
  let acknowledged = 0;
  const world = claimWorld(1);
  const startedMs = performance.now();
  const process = await startControllers(world, 'one', {
    start: (context) => [
      startInterruption(
        context,
        [
          {
            ...source,
            acknowledge: async (receipts, signal) => {
              await source.acknowledge(receipts, signal);
              acknowledged += receipts.length;
              if (acknowledged === count) drained.resolve();
            },
          },
        ],
        createSourceHealth(),
      ),
    ],
  });
  await drained.promise;
  const seconds = (performance.now() - startedMs) / 1_000;
  t.comment(`${count} messages in ${seconds.toFixed(1)} s`);
  t.equal(queue.size, 0);
  const deleted = await process.context.metrics.interruption.deleted.get();
  t.ok((deleted.values[0]?.value ?? 0) >= count - 100, 'and counted');
  t.strictSame(process.failures, []);
  process.stop();
  await Promise.all(process.controllers.map(({ done }) => done));
});

t.test('a queue that is not there is told of, with what to do', async (t) => {
  const { queue, sourceOf } = await scene(t);
  const health = createSourceHealth();
  const changed = Promise.withResolvers<void>();
  health.listen(() => changed.resolve());
  const process = await startControllers(claimWorld(1), 'one', {
    start: (context) => [startInterruption(context, [sourceOf(`${queue.name}-absent`)], health)],
  });
  await changed.promise;
  t.match(health.problem, /^the queue of interruptions cannot be reached: .*check its name/);
  process.stop();
  await Promise.all(process.controllers.map(({ done }) => done));
});
