/**
 * Pods as the live view holds them, in a few words.
 *
 * In: only what a test is about. Out: a LivePod made by the code that makes the real ones.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec, PodStatus } from '../../core/api/kubernetes.ts';
import { type LivePod, livePodOf } from '../../core/state/live-pod.ts';
import { SharedValues } from '../../core/state/shared-values.ts';

export interface LivePodOptions {
  readonly nodeName?: string;
  readonly owner?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodStatus;
  /** When it must be gone by. */
  readonly deletionMs?: number;
  readonly startedMs?: number;
}

/** Running on `node-1`, owned by a ReplicaSet, unless told otherwise. `owner: ''`: by nobody. */
export function livePod(name: string, options: LivePodOptions = {}): LivePod {
  const { nodeName = 'node-1', owner = 'ReplicaSet', deletionMs, startedMs, spec } = options;
  const pod: Live<'Pod'> = {
    metadata: {
      namespace: 'default',
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
      ...(owner === ''
        ? {}
        : {
            ownerReferences: [{ kind: owner, name: 'owner', uid: 'uid-owner', controller: true }],
          }),
      ...(deletionMs === undefined
        ? {}
        : { deletionTimestamp: new Date(deletionMs).toISOString() }),
    },
    spec: { containers: [{ name: 'main' }], ...spec, ...(nodeName === '' ? {} : { nodeName }) },
    status: {
      phase: 'Running',
      ...(startedMs === undefined ? {} : { startTime: new Date(startedMs).toISOString() }),
      ...options.status,
    },
  };
  return livePodOf(pod, undefined, new SharedValues());
}
