/**
 * Ninety minutes in which the cheapest pool is dry: what a launch costs with and without substitutes.
 *
 * In: the command line. Out: per policy the CreateFleet calls, claims made and lost, and how long a
 * wanted node waited, in simulated time, against the simulated EC2 over HTTP and with the real SDK;
 * on the terminal, and in `ice-storm.json` of the folder that is named.
 * The storm is that of kubernetes-sigs/karpenter issue 3198: most failures name one type in one zone.
 * `one-try` asks for one offering per claim, remembers refusals as long as we do, and makes a new claim
 * ten seconds after one was lost. Simulated time runs with real time, so waits contain the processor's.
 *
 * Run: `node bench/ice-storm.ts [--minutes N] [--burst N] [--out DIR]`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LaunchOffering } from '../core/cloud-port.ts';
import type { InstanceType } from '../core/state/instance-type.ts';
import { type Ec2World, startEc2World } from '../test/support/ec2-cloud.ts';
import { integerOption, runProgram } from './arguments.ts';
import type { IceStormFile, StormRecord } from './ec2-result.ts';
import { describeMachine, loadNow } from './machine.ts';
import { resultFormat } from './result.ts';

const minuteMs = 60_000;
/** Demand comes in bursts as far apart as a refusal is remembered: the worst for `one-try`. */
const burstEveryMs = 3 * minuteMs + 5_000;
const retryMs = 10_000;
const triesMax = 60;
/** As a plan writes on a claim of eight cores and 16 GiB. */
const wantedVcpu = 8;
const wantedMemoryMiB = 16_384;
const minutesDefault = '90';
const burstDefault = '38';
const countMax = 10_000;
/** Slow enough that the processor's part of a wait stays small. */
const speed = 20;

const isPassing: ReadonlySet<string> = new Set(['throttled', 'unavailable']);

interface Policy {
  readonly name: string;
  /** Offerings on one claim. */
  readonly offerings: number;
}

const policies: readonly Policy[] = [
  { name: 'substitutes', offerings: 10 },
  { name: 'one-try', offerings: 1 },
];

interface Tally {
  claims: number;
  lost: number;
  readonly waitsMs: number[];
}

await runProgram(async () => {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: minutesDefault },
      burst: { type: 'string', default: burstDefault },
      out: { type: 'string' },
    },
  });
  const minutes = integerOption('minutes', values.minutes, 1, countMax);
  const burst = integerOption('burst', values.burst, 1, countMax);
  const startedAt = new Date().toISOString();
  const loadBefore = loadNow();
  const storms: StormRecord[] = [];
  for (const policy of policies) {
    const record = await storm(policy, minutes, burst);
    storms.push(record);
    console.log(JSON.stringify(record));
  }
  if (values.out === undefined) return;
  const file: IceStormFile = {
    format: resultFormat,
    kind: 'ice-storm',
    startedAt,
    machine: describeMachine(),
    load: [loadBefore, loadNow()],
    minutes,
    burst,
    burstEveryMs,
    storms,
  };
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'ice-storm.json'), `${JSON.stringify(file, undefined, 2)}\n`);
});

async function storm(policy: Policy, minutes: number, burst: number): Promise<StormRecord> {
  const ec2 = await startEc2World({ ec2: { isThrottled: true } }, speed);
  try {
    return await runStorm(ec2, policy, minutes, burst);
  } finally {
    await ec2.close();
  }
}

async function runStorm(
  ec2: Ec2World,
  policy: Policy,
  minutes: number,
  burst: number,
): Promise<StormRecord> {
  const { cloud } = ec2.provider();
  const { clock, engine, wire } = ec2.world;
  const [best] = cheapest(await cloud.instanceTypes(ec2.nodeClass), 1);
  engine.launcher.pools.drain(
    ({ instanceType, zone, capacityType }) =>
      instanceType === best?.instanceType &&
      zone === best.zone &&
      capacityType === best.capacityType,
    Number.POSITIVE_INFINITY,
  );
  const tally: Tally = { claims: 0, lost: 0, waitsMs: [] };
  const wanted: Promise<void>[] = [];
  const bursts = Math.floor((minutes * minuteMs) / burstEveryMs);
  for (let at = 0; at < bursts; at += 1) {
    for (let index = 0; index < burst; index += 1) wanted.push(want(ec2, cloud, policy, tally));
    await clock.sleep(burstEveryMs);
  }
  await Promise.all(wanted);
  const waits = tally.waitsMs.toSorted((a, b) => a - b);
  const calls = wire.calls.filter(({ action }) => action === 'CreateFleet');
  return {
    policy: policy.name,
    nodes: waits.length,
    claims: tally.claims,
    claimsLost: tally.lost,
    createFleetCalls: calls.length,
    callsThrottled: calls.filter(({ error }) => error === 'RequestLimitExceeded').length,
    waitP50Seconds: seconds(waits, 0.5),
    waitP99Seconds: seconds(waits, 0.99),
    instances: engine.instances.size,
  };
}

/** One node that is wanted, until it is there. */
async function want(
  ec2: Ec2World,
  cloud: ReturnType<Ec2World['provider']>['cloud'],
  policy: Policy,
  tally: Tally,
): Promise<void> {
  const { clock } = ec2.world;
  const startedMs = clock.nowMs();
  for (let tries = 0; tries < triesMax; tries += 1) {
    tally.claims += 1;
    const uid = `claim-${tally.claims}`;
    const types = await cloud.instanceTypes(ec2.nodeClass);
    const offerings = cheapest(types, policy.offerings);
    const request = { ...ec2.request(uid, []), offerings };
    let outcome = await cloud.launch(request);
    // Nothing is wrong with the claim then: the same is asked again, as the controller does.
    while (outcome.outcome === 'failed' && isPassing.has(outcome.failure)) {
      await clock.sleep(retryMs / 5);
      outcome = await cloud.launch(request);
    }
    if (outcome.outcome === 'launched') {
      tally.waitsMs.push(clock.nowMs() - startedMs);
      return;
    }
    tally.lost += 1;
    await clock.sleep(retryMs);
  }
}

/** Offerings that hold what is wanted and can be had, as far as is known. */
function cheapest(types: readonly InstanceType[], count: number): readonly LaunchOffering[] {
  return types
    .filter(
      ({ facts }) =>
        facts.vcpuCount === wantedVcpu &&
        facts.memoryMiB >= wantedMemoryMiB &&
        facts.architecture === 'amd64' &&
        facts.gpus.length === 0,
    )
    .flatMap(({ name, offerings }) =>
      offerings
        .filter(({ available, capacityType }) => available && capacityType === 'spot')
        .map(({ zone, priceNanoUsdPerHour }) => ({ name, zone, priceNanoUsdPerHour })),
    )
    .toSorted(
      (a, b) =>
        a.priceNanoUsdPerHour - b.priceNanoUsdPerHour ||
        (`${a.name}${a.zone}` < `${b.name}${b.zone}` ? -1 : 1),
    )
    .slice(0, count)
    .map(({ name, zone }) => ({ instanceType: name, zone, capacityType: 'spot' }));
}

function seconds(sortedMs: readonly number[], quantile: number): number {
  const at = Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * quantile));
  return Math.round((sortedMs[at] ?? 0) / 100) / 10;
}
