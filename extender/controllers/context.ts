/**
 * What every controller is given.
 *
 * In: nothing. Out: the ports, the live view, the settings and where to count and to record. The
 * composition root fills it; a controller names no adapter and keeps no state that a restart would
 * miss.
 */
import type { Logger } from 'pino';
import type { CloudProvider } from '../../core/cloud-port.ts';
import type { Ownership } from '../../core/lifecycle/ownership.ts';
import type { Clock, ClusterClient, Random, Recorder } from '../../core/ports.ts';
import type { ClusterView } from '../../core/state/view.ts';
import type { Metrics } from '../metrics.ts';
import type { ServiceSettings } from '../settings.ts';

export interface ControllerContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly client: ClusterClient;
  readonly cloud: CloudProvider;
  /** Synced before any controller starts. */
  readonly view: ClusterView;
  readonly recorder: Recorder;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly settings: ServiceSettings;
  /** What is ours to act on, for as long as the controllers run: a change begins them anew. */
  readonly owns: Ownership;
  /** Ends the controller: leadership lost, or the process goes. */
  readonly signal: AbortSignal;
}

/** A controller that runs until its context's signal. */
export interface Controller {
  readonly name: string;
  /** Resolves after the signal when nothing of it runs any more; rejects on a bug. */
  readonly done: Promise<void>;
}

/** Field manager of everything that we write. */
export const fieldManager = 'stowage';
