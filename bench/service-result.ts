/**
 * What the bench of the whole service writes down.
 *
 * In: nothing. Out: types. The file is made by `service.ts`; nothing in it is typed by hand.
 */
import type { MachineDescription } from './machine.ts';
import type { resultFormat } from './result.ts';

/** A replica that has listed a cluster. */
export interface MemoryRecord {
  readonly nodes: number;
  readonly pods: number;
  /** From the start to everything listed. */
  readonly syncMs: number;
  /** Of the process, after a collection. */
  readonly residentMiB: number;
  readonly peakResidentMiB: number;
  readonly heapMiB: number;
  /** With a snapshot for planning at hand. */
  readonly heapWithSnapshotMiB: number;
}

/** Pods that come at once, in the simulated cluster in real time. */
export interface BurstRecord {
  readonly pods: number;
  readonly launches: number;
  /** From the end of the batch window to the launch call. */
  readonly launchDelayP50Ms: number;
  readonly launchDelayP99Ms: number;
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
}

export interface ServiceFile {
  readonly format: typeof resultFormat;
  readonly kind: 'service';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly load: readonly [number, number];
  /** Of Node.js, as manifests/deploy sets them. */
  readonly nodeOptions: string;
  readonly memory: readonly MemoryRecord[];
  readonly burst: BurstRecord | null;
}
