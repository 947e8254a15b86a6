/**
 * `stowage fake-ec2`: the simulated EC2 by itself, on a port.
 *
 * In: parsed options. Out: a server that runs until it is stopped or its time is up; the exit code. It
 * puts the engine, a clock in step with real time and the wire front together, and decides nothing.
 */
import { readFileSync } from 'node:fs';
import { loadCatalogue } from '../../catalogue/loader.ts';
import { InputError } from '../../core/errors.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { Ec2Engine } from '../../sim/ec2-engine.ts';
import { createRandom } from '../../sim/random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createAccount, engineOptionsOf } from '../../sim/wire/account.ts';
import { playScenario, readScenario, type ScenarioEvent } from '../../sim/wire/scenario.ts';
import { startWire } from '../../sim/wire/server.ts';
import type { FakeEc2CommandOptions } from './fake-ec2-program.ts';

/** 0 when stopped or when its time is up. @throws InputError for a wrong scenario or version */
export async function runFakeEc2(options: FakeEc2CommandOptions): Promise<number> {
  const { host, port, seed, speed, clusterName, clusterEndpoint, subnetBits, lag } = options;
  const version = options.kubernetesVersion;
  if (!/^1\.\d+$/.test(version)) {
    throw new InputError({ field: '--kubernetes-version' }, `expected 1.N, found ${version}`);
  }
  const scenario = options.scenario === undefined ? [] : scenarioOf(options.scenario);
  const catalogue = loadCatalogue();
  const account = createAccount(catalogue, { clusterName, clusterEndpoint, version, subnetBits });
  const clock = createVirtualClock(Date.now());
  const random = createRandom(seed);
  const engine = new Ec2Engine(clock, random.branch('ec2'), {
    types: catalogue.types,
    ...engineOptionsOf(account),
    ...(options.capacity === 'endless' ? { capacity: endlessCapacity } : {}),
    movesSpotPrices: true,
    isThrottled: options.throttling,
    isConsistent: !lag,
  });
  const wire = await startWire({
    engine,
    clock,
    account,
    catalogue,
    host,
    port,
    random: random.branch('wire'),
    isConsistent: !lag,
  });
  playScenario(scenario, wire, (error) => {
    process.stderr.write(`scenario: ${error instanceof Error ? error.message : String(error)}\n`);
  });
  process.stdout.write(
    [
      `A simulated EC2 answers at ${wire.endpoint} (region ${account.region}, cluster ${clusterName}).`,
      `  AWS_ENDPOINT_URL=${wire.endpoint} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any`,
      `  state    ${wire.endpoint}/admin/state`,
      'Ctrl-C ends it.',
      '',
    ].join('\n'),
  );
  const stop = stopSignal(options.durationMs);
  try {
    await clock.pace({ speed, signal: stop.signal });
  } finally {
    stop.dispose();
    await wire.close();
  }
  return 0;
}

function scenarioOf(file: string): readonly ScenarioEvent[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError({ file }, `cannot be read: ${(error as Error).message}`);
  }
  return readScenario(text, file);
}

/** Aborted by the first SIGINT or SIGTERM, or when the time is up. */
function stopSignal(durationMs: number | undefined): {
  readonly signal: AbortSignal;
  dispose(): void;
} {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = durationMs === undefined ? undefined : setTimeout(abort, durationMs);
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    signal: controller.signal,
    dispose: () => {
      clearTimeout(timer);
      process.removeListener('SIGINT', abort);
      process.removeListener('SIGTERM', abort);
    },
  };
}
