/**
 * Controllers in the simulated world.
 *
 * In: a world, what to start. Out: processes of the product that can be killed and started anew,
 * each with a synced view and a context; what they record, for looking at. The world stands still
 * until its clock is driven.
 */
import { pino } from 'pino';
import { ownership } from '../../core/lifecycle/ownership.ts';
import type { DecisionRecord, Recorder } from '../../core/ports.ts';
import type { Controller, ControllerContext } from '../../extender/controllers/context.ts';
import { startLiveState } from '../../extender/controllers/live-state.ts';
import { createMetrics } from '../../extender/metrics.ts';
import { defaultSettings, type ServiceSettings } from '../../extender/settings.ts';
import type { ProcessOptions, ProcessPorts, World } from '../../sim/world.ts';

export interface RecordedEvent {
  readonly kind: string;
  readonly name: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** One run of a process with controllers. */
export interface ControllerProcess {
  readonly ports: ProcessPorts;
  readonly context: ControllerContext;
  readonly events: RecordedEvent[];
  readonly decisions: DecisionRecord[];
  readonly controllers: readonly Controller[];
  /** Ends the controllers in good order, as SIGTERM does. */
  stop(): void;
  /** What ended a controller before its time; a bug. */
  readonly failures: readonly unknown[];
}

export interface ControllerProcessOptions extends ProcessOptions {
  readonly settings?: Partial<ServiceSettings>;
  /** A Karpenter leads on the cluster: what is of its group is not ours. */
  readonly besideKarpenter?: boolean;
  readonly start: (context: ControllerContext) => readonly Controller[];
}

/** Starts a process; drives the clock until its view is synced. */
export async function startControllers(
  world: World,
  name: string,
  { settings, besideKarpenter = false, start, ...processOptions }: ControllerProcessOptions,
): Promise<ControllerProcess> {
  const ports = world.startProcess(name, processOptions);
  const end = new AbortController();
  const events: RecordedEvent[] = [];
  const decisions: DecisionRecord[] = [];
  const recorder: Recorder = {
    event: (regarding, type, reason, message) => {
      const { kind = '', name: regardedName = '' } = regarding;
      events.push({ kind, name: regardedName, type, reason, message });
    },
    decide: (record) => void decisions.push(record),
  };
  const live = startLiveState({
    client: ports.client,
    clock: ports.clock,
    random: ports.random,
    signal: end.signal,
  });
  await world.clock.settle(live.synced);
  const context: ControllerContext = {
    clock: ports.clock,
    random: ports.random,
    client: ports.client,
    cloud: ports.cloud,
    view: live.view,
    recorder,
    metrics: createMetrics('test', { process: false }),
    log: pino({ level: process.env['STOWAGE_LOG'] ?? 'silent' }),
    settings: { ...defaultSettings, identity: name, ...settings },
    owns: ownership(besideKarpenter),
    signal: end.signal,
  };
  const controllers = start(context);
  const failures: unknown[] = [];
  for (const { done } of controllers) done.catch((error: unknown) => failures.push(error));
  return {
    ports,
    context,
    events,
    decisions,
    controllers,
    failures,
    stop: () => end.abort(new Error('stopped')),
  };
}
