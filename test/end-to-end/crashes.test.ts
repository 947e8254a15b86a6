// kill -9 at every step of a node's life, on a real control plane: restart, and nothing is lost,
// doubled or left behind.

import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { type CrashPoint, describeCrashPoint } from './crash-points.ts';
import { deployment, deploymentsPath, nodePool, nodePoolsPath } from './sample-objects.ts';
import { checkPromises, isRunning, untilPods } from './scenario.ts';
import { deadlineMs } from './scene.ts';
import type { Service } from './service.ts';
import { openTestStage, type Stage } from './stage.ts';
import { checkRest, stirUntilDead, takeNodesAway } from './stirring.ts';

const app = 'steady';
const replicas = 12;
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
  await checkRest(t, stage, app, replicas);
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
      // The first start is due to the signal above, each further one to a point.
      await stirUntilDead(
        async () => takeNodesAway(stage, 1),
        () => component.restarts > restarts + 1 + index,
      );
      t.pass('it was reached');
    });
    // What was not reached lies ready for no further process: the other points would wait in vain.
    if (!t.passing()) return;
  }
  await component.waitUntilReady();
}
