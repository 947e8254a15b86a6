/**
 * Runs Jobs: as many pods at a time as they want, until enough have succeeded.
 *
 * In: Jobs and their pods. Out: pods, and the Jobs' status. Source: `pkg/controller/job` without
 * indexes, suspension by pod failure policy and success policy. Every pod carries the tracking
 * finalizer until it has been counted, so that a deleted pod of a Job lingers, as it does in a real
 * cluster. A Job goes `ttlSecondsAfterFinished` after its end.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { JobSpec } from '../../core/api/workloads.ts';
import { keyOf, type SimulatedCluster, timestamp } from '../cluster/cluster.ts';
import { deleteObject } from '../cluster/deletion.ts';
import { controllerUid, type PodIndex } from '../cluster/pod-index.ts';
import { createPod, deletePods, isActive } from './pods-of-template.ts';
import { createReconciler } from './reconciler.ts';

/** Held on every pod of a Job until the Job has counted it. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

/** Fields of a Job that only its controller reads. */
interface OwnSpec extends JobSpec {
  readonly backoffLimit?: number;
  readonly ttlSecondsAfterFinished?: number;
}

interface OwnStatus {
  readonly active?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly completionTime?: string;
  readonly conditions?: { type: string; status: 'True'; lastTransitionTime: string }[];
}

const reactionMs = 30;
const defaultBackoffLimit = 6;
/** `--concurrent`: pods that one look at a Job makes. */
const createdAtOnceMax = 500;

export function startJobController(cluster: SimulatedCluster, pods: PodIndex): void {
  const names = new Map<string, string>();
  const reconciler = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const job = cluster.get('Job', { namespace, name });
    if (job !== undefined) sync(job);
  });

  function sync(job: Live<'Job'>): void {
    const { clock } = cluster;
    const spec: OwnSpec = job.spec;
    const before = (job.status ?? {}) as OwnStatus;
    const own = [...pods.ownedBy(job.metadata.uid)];
    let { succeeded = 0, failed = 0 } = before;
    for (const pod of own) {
      if (!(pod.metadata.finalizers ?? []).includes(trackingFinalizer) || isActive(pod)) continue;
      // Deleted while it ran: counted when its kubelet has let it go.
      if (isRunningOut(pod)) continue;
      if (pod.status?.phase === 'Succeeded') succeeded += 1;
      else failed += 1;
      release(pod);
    }
    const active = own.filter(isActive);
    const wanted = spec.completions ?? 1;
    const end = before.conditions?.[0] ?? verdict(succeeded, failed, wanted, spec);
    const parallel = Math.min(spec.parallelism ?? 1, Math.max(0, wanted - succeeded));
    const target = end !== undefined || spec.suspend === true ? 0 : parallel;
    if (active.length > target) deletePods(cluster, active, active.length - target);
    const missing = Math.min(target - active.length, createdAtOnceMax);
    for (let index = 0; index < missing; index += 1) {
      createPod(cluster, 'Job', job, spec.template, {
        labels: {
          'batch.kubernetes.io/controller-uid': job.metadata.uid,
          'batch.kubernetes.io/job-name': job.metadata.name,
        },
        finalizers: [trackingFinalizer],
      });
    }
    if (target - active.length > missing) reconciler.enqueue(keyOf(job.metadata));
    const status: OwnStatus = {
      active: Math.max(0, Math.min(target, active.length + Math.max(0, missing))),
      succeeded,
      failed,
      ...(end === undefined
        ? {}
        : { conditions: [end], completionTime: before.completionTime ?? end.lastTransitionTime }),
    };
    cluster.patch(
      'Job',
      job.metadata,
      { type: 'merge', body: { status } },
      { subresource: 'status' },
    );
    const { ttlSecondsAfterFinished: lifeSeconds } = spec;
    if (end !== undefined && lifeSeconds !== undefined) {
      const endMs = Date.parse(end.lastTransitionTime) + lifeSeconds * 1000;
      if (endMs <= clock.nowMs()) deleteObject(cluster, 'Job', job.metadata);
      else reconciler.enqueue(keyOf(job.metadata), endMs - clock.nowMs());
    }
  }

  function verdict(succeeded: number, failed: number, wanted: number, spec: OwnSpec) {
    const isFailed = failed > (spec.backoffLimit ?? defaultBackoffLimit);
    if (succeeded < wanted && !isFailed) return undefined;
    return {
      type: succeeded >= wanted ? 'Complete' : 'Failed',
      status: 'True' as const,
      lastTransitionTime: timestamp(cluster.clock.nowMs()),
    };
  }

  function release(pod: Live<'Pod'>): void {
    const finalizers = (pod.metadata.finalizers ?? []).filter((one) => one !== trackingFinalizer);
    cluster.patch('Pod', pod.metadata, { type: 'merge', body: { metadata: { finalizers } } });
  }

  cluster.listen('Job', ({ object, type }) => {
    const key = keyOf(object.metadata);
    if (type === 'deleted') {
      names.delete(object.metadata.uid);
      // Nobody counts them any more.
      for (const pod of pods.ownedBy(object.metadata.uid)) reconcileOrphan(pod);
      return;
    }
    names.set(object.metadata.uid, key);
    reconciler.enqueue(key);
  });
  cluster.listen('Pod', ({ object, type }) => {
    const uid = controllerUid(object);
    const key = names.get(uid);
    if (key !== undefined) reconciler.enqueue(key);
    else if (type !== 'deleted') reconcileOrphan(object);
  });

  const orphans = createReconciler(cluster.clock, reactionMs, (key) => {
    const [namespace = '', name = ''] = key.split('/');
    const pod = cluster.get('Pod', { namespace, name });
    if (pod !== undefined && !names.has(controllerUid(pod))) release(pod);
  });

  function reconcileOrphan(pod: Live<'Pod'>): void {
    if ((pod.metadata.finalizers ?? []).includes(trackingFinalizer)) {
      orphans.enqueue(keyOf(pod.metadata));
    }
  }
}

/** Deleted, but a kubelet still has it. */
function isRunningOut({ metadata, status }: Live<'Pod'>): boolean {
  const { deletionGracePeriodSeconds: graceSeconds = 0 } = metadata as {
    readonly deletionGracePeriodSeconds?: number;
  };
  return graceSeconds > 0 && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}
