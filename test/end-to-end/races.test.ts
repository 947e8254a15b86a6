// The races for a new node, and a cluster whose only scheduler is the default one, as on EKS: nothing
// but fence and bind keeps pods apart there.

import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import type { Pod } from '../control-plane/objects.ts';
import {
  deployment,
  deploymentsPath,
  nodeClaimsPath,
  nodePool,
  nodePoolsPath,
  podsPath,
  podTemplate,
} from './sample-objects.ts';
import { checkPromises, isBound, isRunning, podsOf, untilEmpty, untilPods } from './scenario.ts';
import { deadlineMs } from './scene.ts';
import { openTestStage, type Stage } from './stage.ts';

/** `reference/extender.md` 2.4: eight one-CPU pods for a node that takes four. */
const podsPerRace = 8;
const winnersPerRace = 4;
const racesPerRound = 50;
const rounds = 2;
const burstPods = 1_000;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

/** When a round is over, its pods may go. */
let isClearing = false;

t.test('the default scheduler alone, then both', { skip: reason ?? false }, async (t) => {
  const stage = await openTestStage(t, {
    invariants: { mayBeRemoved: (pod) => isClearing || isControlled(pod), mayFail: isControlled },
  });
  const { client } = stage.plane;
  await client.expect('POST', nodePoolsPath, nodePool('general'));
  const service = await stage.startService('stowage-1');
  await t.test('a thousand pods of the default scheduler, without any extender', async (t) =>
    checkManaged(t, stage),
  );
  await stage.startScheduler('stowage-scheduler', service.extenderUrl);
  for (let race = 1; race <= rounds * racesPerRound; race += 1) {
    await client.expect('POST', nodePoolsPath, racePool(race));
  }
  for (let round = 1; round <= rounds; round += 1) {
    await t.test(`${racesPerRound} races at once, round ${round}`, async (t) =>
      checkRaces(t, stage, round),
    );
  }
  checkPromises(t, stage);
});

async function checkManaged(t: Test, stage: Stage): Promise<void> {
  const { client } = stage.plane;
  const startMs = performance.now();
  const options = { cpu: '600m', schedulerName: 'default-scheduler' };
  await client.expect('POST', deploymentsPath, deployment('managed', burstPods, options));
  await untilPods(stage, 'managed', burstPods, isRunning);
  const elapsedMs = Math.round(performance.now() - startMs);
  t.comment(`${burstPods} pods run after ${elapsedMs} ms, ${stage.cluster.nodes.size} nodes`);
  t.ok(podsOf(stage, 'managed').every(isBound));
  // Its nodes go by themselves while the races are on.
  await client.expect('DELETE', `${deploymentsPath}/managed`);
}

/** One node at the most, so that half of the pods stay outside and rush for every opening. */
function racePool(race: number): object {
  return nodePool(`race-${race}`, {
    instanceTypes: ['m7i.xlarge'],
    labels: { race: String(race) },
    limits: { cpu: 4 },
    consolidateAfter: '1h',
  });
}

/**
 * Every other race is among pods of the default scheduler. Pods of both for the same node would race
 * for what is left of it once it is open to all: no provisioner can keep two schedulers apart there.
 */
async function checkRaces(t: Test, stage: Stage, round: number): Promise<void> {
  const { plane, cluster, invariants } = stage;
  const app = `round-${round}`;
  const pods = (): readonly Pod[] => podsOf(stage, app);
  const first = (round - 1) * racesPerRound + 1;
  const created = Array.from({ length: racesPerRound * podsPerRace }, async (_, index) => {
    const race = first + Math.floor(index / podsPerRace);
    const { metadata, spec } = podTemplate({
      cpu: '900m',
      schedulerName: race % 2 === 0 ? 'stowage' : 'default-scheduler',
      nodeSelector: { race: String(race) },
      labels: { app, race: String(race) },
    });
    const name = `race-${race}-${index % podsPerRace}`;
    await plane.client.expect('POST', podsPath, { metadata: { ...metadata, name }, spec });
  });
  await Promise.all(created);
  const winners = racesPerRound * winnersPerRace;
  const haveStarted = (): boolean => pods().filter(isRunning).length >= winners;
  await cluster.until(`${winners} pods run`, haveStarted, deadlineMs);
  const bound = Map.groupBy(pods().filter(isBound), ({ metadata }) => metadata.labels?.['race']);
  t.strictSame(
    [...bound].filter(([, { length }]) => length !== winnersPerRace).map(([race]) => race),
    [],
    'every node took what it can hold',
  );
  t.equal(pods().length, racesPerRound * podsPerRace, 'no pod is lost');
  for (const violation of invariants.violations) await explain(t, stage, violation.message);

  isClearing = true;
  await plane.client.expect('DELETE', `${podsPath}?gracePeriodSeconds=0`);
  await cluster.until('the pods are gone', () => pods().length === 0, deadlineMs);
  isClearing = false;
  await plane.client.expect('DELETE', nodeClaimsPath);
  if (round === rounds) await untilEmpty(stage);
}

/** Who bound which pod when, for people who look into a failure. */
async function explain(t: Test, { plane }: Stage, message: string): Promise<void> {
  const { items } = await plane.client.expect<{ readonly items: readonly PodEvent[] }>(
    'GET',
    '/api/v1/namespaces/default/events',
  );
  const concerned = items.filter(({ regarding, involvedObject }) =>
    message.includes((regarding ?? involvedObject)?.name ?? '?'),
  );
  for (const one of concerned) {
    const name = one.involvedObject?.name ?? '';
    const from = one.reportingComponent ?? one.source?.component ?? '';
    t.comment(
      `${one.eventTime ?? one.firstTimestamp} ${name} ${from} ${one.reason}: ${one.message}`,
    );
  }
}

interface PodEvent {
  readonly involvedObject?: { readonly name?: string };
  readonly regarding?: { readonly name?: string };
  readonly reportingComponent?: string;
  readonly source?: { readonly component?: string };
  readonly eventTime?: string;
  readonly firstTimestamp?: string;
  readonly reason: string;
  readonly message: string;
}

function isControlled({ metadata }: Pod): boolean {
  return metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
}
