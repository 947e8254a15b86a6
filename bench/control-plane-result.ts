/**
 * What the bench on a real control plane writes down.
 *
 * In: nothing. Out: types. Rates are pods per second, times milliseconds, memory MiB. The file is
 * made by `control-plane.ts`; nothing in it is typed by hand.
 */
import type { Variant } from './extender/scheduling-rate.ts';
import type { MachineDescription } from './machine.ts';
import type { resultFormat } from './result.ts';

/** Rounds of one variant, in the order in which they were run. */
export interface ThroughputRecord {
  readonly nodes: number;
  readonly pods: number;
  readonly load: readonly [number, number];
  /**
   * Without an extender; with one that sends back what it got; with the service; with the service
   * for marked pods only.
   */
  readonly rates: Readonly<Record<Variant, readonly number[]>>;
}

/** The whole service on a loaded cluster, while it plans. */
export interface LoadedRecord {
  readonly nodes: number;
  readonly pods: number;
  /** Created while the verbs were asked, so that the solver was at work. */
  readonly pending: number;
  readonly load: readonly [number, number];
  /** From start to ready. */
  readonly startMs: number;
  /** Of the service's process: when ready, when all was loaded, at its highest. */
  readonly memoryMiB: readonly [number, number, number];
  readonly calls: number;
  /** p50, p99 and p99.9 as the scheduler sees them. */
  readonly filterMs: readonly [number, number, number];
  readonly prioritizeMs: readonly [number, number, number];
  /** p99 of the main thread, from the service's own metrics. */
  readonly eventLoopLagMs: number;
  readonly plans: number;
}

export interface ControlPlaneFile {
  readonly format: typeof resultFormat;
  readonly kind: 'control-plane';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly kubernetes: string;
  /** First 16 hexadecimal digits of the SHA-256 of names of nodes and shapes of pods. */
  readonly inputHash: string;
  readonly throughput: readonly ThroughputRecord[];
  readonly loaded: LoadedRecord | null;
}
