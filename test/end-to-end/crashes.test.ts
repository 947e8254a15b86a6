// kill -9 at every step of a node's life, on a real control plane: restart, and nothing is lost,
// doubled or left behind.

import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { hasCondition } from '../control-plane/objects.ts';
import { type CrashPoint, describeCrashPoint } from './crash-points.ts';
import {
  deployment,
  deploymentsPath,
  nodeClaimsPath,
  nodePool,
  nodePoolsPath,
} from './sample-objects.ts';
import { checkPromises, isRunning, poll, untilEmpty, untilPods } from './scenario.ts';
import { deadlineMs } from './scene.ts';
import type { Service } from './service.ts';
import { openTestStage, type Stage } from './stage.ts';

const app = 'steady';
const replicas = 12;
/** While a crash point has not been reached, one more node is taken away this often. */
const stirEveryMs = 6_000;
/** NodeClaims and Nodes are written in so many steps; each is a place to die. */
const writesPerObject = 5;

const before = (verb: string, kind?: string, number = 1): CrashPoint => ({
  verb,
  number,
  moment: 'before',
  ...(kind === undefined ? {} : { kind }),
});
const after = (verb: string, kind?: string, number = 1): CrashPoint => ({
  ...before(verb, kind, number),
  moment: 'after',
});

const writes = Array.from({ length: writesPerObject }, (_, index) => index + 1);
const points: readonly CrashPoint[] = [
  before('create', 'NodeClaim'),
  after('create', 'NodeClaim'),
  before('launch'),
  after('launch'),
  ...writes.map((number) => after('patch', 'NodeClaim', number)),
  ...writes.map((number) => after('patch', 'Node', number)),
  before('bind'),
  after('bind'),
  after('bind', undefined, 3),
  before('evict'),
  after('evict'),
  before('terminate'),
  after('terminate'),
];

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('a process that is killed at every step', { skip: reason ?? false }, async (t) => {
  const stage = await openTestStage(t);
  const { client } = stage.plane;
  const types = ['m7i.xlarge', 'm6i.xlarge', 'c7i.xlarge', 'r7i.xlarge'];
  await client.expect('POST', nodePoolsPath, nodePool('general', { instanceTypes: types }));
  const service = await stage.startService('stowage-1');
  await stage.startScheduler('stowage-scheduler', service.extenderUrl);
  await client.expect('POST', deploymentsPath, deployment(app, replicas, { cpu: '900m' }));
  await untilPods(stage, app, replicas, isRunning);

  await checkPoints(t, stage, service);
  await t.test('the work is running again, on as many nodes as there are instances', async (t) => {
    await untilPods(stage, app, replicas, isRunning);
    await poll('instances, nodes and claims are the same', deadlineMs, async () => {
      const claims = (await claimsOf(stage)).length;
      return stage.cloud.living().length === claims && stage.cluster.nodes.size === claims;
    });
    t.pass('nothing is left behind');
  });
  await t.test('and all of it goes', async () => {
    await client.expect('DELETE', `${deploymentsPath}/${app}`);
    await untilEmpty(stage);
  });
  checkPromises(t, stage);
});

/** Each death is followed by a start with the next point, so that the work never comes to rest. */
async function checkPoints(t: Test, stage: Stage, service: Service): Promise<void> {
  const { component } = service;
  const { restarts } = component;
  await service.arm(points);
  process.kill(component.pid ?? 0, 'SIGKILL');
  for (const [index, point] of points.entries()) {
    await t.test(describeCrashPoint(point), async (t) => {
      let stirredMs = -Infinity;
      await poll('the process has died', deadlineMs, async () => {
        if (performance.now() - stirredMs > stirEveryMs) {
          stirredMs = performance.now();
          await stir(stage);
        }
        // The first start is due to the signal above, each further one to a point.
        return component.restarts > restarts + 1 + index;
      });
      t.pass('it was reached');
    });
    // What was not reached lies ready for no further process: the other points would wait in vain.
    if (!t.passing()) return;
  }
  await component.waitUntilReady();
}

/** Takes a node with pods away: it is drained and ended, and its pods need another one. */
async function stir(stage: Stage): Promise<void> {
  const claims = await claimsOf(stage);
  const ready = claims.find(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      hasCondition({ metadata, status } as never, 'Initialized'),
  );
  if (ready === undefined) return;
  await stage.plane.client.send('DELETE', `${nodeClaimsPath}/${ready.metadata.name}`);
}

interface Claim {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
}

async function claimsOf({ plane }: Stage): Promise<readonly Claim[]> {
  const { items } = await plane.client.expect<{ readonly items: readonly Claim[] }>(
    'GET',
    nodeClaimsPath,
  );
  return items;
}
