/**
 * What the benches with the EC2 provider write down.
 *
 * In: nothing. Out: types. The files are made by `scale-up.ts` and `ice-storm.ts`; nothing in them is
 * typed by hand.
 */
import type { MachineDescription } from './machine.ts';
import type { resultFormat } from './result.ts';

/** p50, p99 and the most. */
export type SpreadSeconds = readonly [number, number, number];

/** From nothing to many nodes and back. */
export interface ScaleUpRecord {
  readonly pods: number;
  readonly nodes: number;
  readonly createFleetCalls: number;
  /** Of these, refused by the rate limit. */
  readonly callsThrottled: number;
  readonly callsPerNode: number;
  /** NodeClaims that there have been: more than nodes where some have ended without one. */
  readonly claims: number;
  /** From a pod's creation until its scheduler has found no place for it, which is when we may act. */
  readonly createdToTried: SpreadSeconds;
  /** From then to the launch of its node. */
  readonly triedToLaunch: SpreadSeconds;
  /** From a pod's creation to the launch of its node, to its binding, to its start. */
  readonly pendingToLaunch: SpreadSeconds;
  readonly pendingToBound: SpreadSeconds;
  readonly pendingToRunning: SpreadSeconds;
  /** From the first pod to the last one that runs, and from then to nothing left. */
  readonly upSeconds: number;
  readonly downSeconds: number;
  /** Of the service's process: before, when all runs, at its highest. */
  readonly memoryMiB: readonly [number, number, number];
  /** Claims with two instances, instances without claim: none, or it is a bug. */
  readonly doubles: number;
  readonly nameless: number;
}

export interface ScaleUpFile {
  readonly format: typeof resultFormat;
  readonly kind: 'scale-up';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly load: readonly [number, number];
  /** First 16 hexadecimal digits of the SHA-256 of the pool, the pods and the speed. */
  readonly inputHash: string;
  /** How much faster than real ones machines boot and end. */
  readonly speed: number;
  readonly record: ScaleUpRecord;
}

/** What one policy made of the storm; waits in simulated time. */
export interface StormRecord {
  readonly policy: string;
  readonly nodes: number;
  readonly claims: number;
  readonly claimsLost: number;
  readonly createFleetCalls: number;
  readonly callsThrottled: number;
  readonly waitP50Seconds: number;
  readonly waitP99Seconds: number;
  readonly instances: number;
}

export interface IceStormFile {
  readonly format: typeof resultFormat;
  readonly kind: 'ice-storm';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly load: readonly [number, number];
  /** Simulated. */
  readonly minutes: number;
  /** Nodes that are wanted at once, and how far apart such bursts are. */
  readonly burst: number;
  readonly burstEveryMs: number;
  readonly storms: readonly StormRecord[];
}
