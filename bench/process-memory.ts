/**
 * Memory of another process.
 *
 * In: its id. Out: resident memory in MiB as Linux tells it, now or the most that it has been.
 */
import { readFileSync } from 'node:fs';

/** @param field resident now, or at its highest; NaN where the process is gone */
export function residentMiB(pid: number | undefined, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  if (pid === undefined) return Number.NaN;
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const found = new RegExp(`${field}:\\s+(\\d+) kB`).exec(text);
  return Math.round(Number(found?.[1] ?? Number.NaN) / 1024);
}
