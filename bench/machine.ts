/**
 * What a figure was measured on.
 *
 * In: the running machine. Out: plain data that goes beside every result, because a time without
 * its machine and load says nothing.
 */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';

export interface MachineDescription {
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryMiB: number;
  readonly platform: string;
  readonly node: string;
}

export function describeMachine(): MachineDescription {
  return {
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    platform: `${platform()} ${release()} ${process.arch}`,
    node: process.version,
  };
}

/** Load average over the last minute, two decimals. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}
