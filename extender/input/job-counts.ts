/**
 * How many pods a Job still wants.
 *
 * In: its spec and status. Out: pods at once and completions. Rules: the Job controller's; a work
 * queue (parallelism without completions) ends when its pods say so.
 */
import type { Job, JobSpec } from '../../core/api/workloads.ts';

/** Conditions after which a Job starts no pods any more. */
const jobEndConditions: ReadonlySet<string> = new Set([
  'Complete',
  'Failed',
  'SuccessCriteriaMet',
  'FailureTarget',
]);

/** True once it starts no pods any more. */
export function hasEnded(status: Job['status']): boolean {
  return (status?.conditions ?? []).some(
    (one) => jobEndConditions.has(one.type) && one.status === 'True',
  );
}

/** `stopped`: it has ended, or whoever makes it is suspended. */
export function jobCounts(
  spec: JobSpec,
  stopped: boolean,
): { readonly replicas: number; readonly completions: number | undefined } {
  const replicas = stopped || spec.suspend === true ? 0 : (spec.parallelism ?? 1);
  const workQueue = spec.parallelism !== undefined && spec.completions === undefined;
  return { replicas, completions: workQueue ? undefined : (spec.completions ?? 1) };
}
