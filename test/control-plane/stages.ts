// The life of a pod and of a node as KWOK plays it, in place of kubelets.
//
// In:  durations. Out: the text of KWOK's configuration file (Stage documents).
// A pod's own annotations shape its life, so that one cluster can hold batch jobs
// of a second and services that run for ever:
//   sim/start-duration   from bound to Running and Ready (default: at once)
//   sim/run-duration     from Running to Succeeded, for pods of Jobs (default: see options)
//   sim/stop-duration    from deletion to gone (default: at once)
// Durations are Go's: "1500ms", "2s". KWOK admits nothing as a kubelet would: see invariants.ts.

import { stringify } from 'yaml';

/** How long what no annotation decides takes. */
export interface StageOptions {
  /** How long pods of Jobs run. */
  readonly jobRunMs: number;
}

/** KWOK refreshes the Node's conditions this often; its Lease says in between that it lives. */
const HEARTBEAT_MS = 240_000;
/** Pods that KWOK may patch at the same moment: a burst of 1,000 binds is 1,000 patches. */
const STAGE_PARALLELISM = 16;
const LEASE_PARALLELISM = 4;

interface Expression {
  readonly jq: {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  };
}

const NOT_DELETED: Expression = {
  jq: { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
};
const NODE_READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';

/** The text of the file for KWOK's `--config`. */
export function kwokConfiguration(options: StageOptions): string {
  const documents = [
    {
      apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
      kind: 'KwokConfiguration',
      // KWOK gives no defaults to a document that sets options: all four must be said.
      options: {
        podPlayStageParallelism: STAGE_PARALLELISM,
        nodePlayStageParallelism: STAGE_PARALLELISM,
        nodeLeaseParallelism: LEASE_PARALLELISM,
        podsOnNodeSyncParallelism: LEASE_PARALLELISM,
      },
    },
    stage('node-initialize', 'Node', [isNot(NODE_READY, 'True')], undefined, nodeConditions(true)),
    stage(
      'node-heartbeat',
      'Node',
      [is(NODE_READY, 'True')],
      { durationMilliseconds: HEARTBEAT_MS },
      nodeConditions(false),
    ),
    stage(
      'pod-ready',
      'Pod',
      [NOT_DELETED, is('.status.phase', 'Pending')],
      annotated('sim/start-duration', 0),
      POD_READY,
    ),
    stage(
      'pod-complete',
      'Pod',
      [NOT_DELETED, is('.status.phase', 'Running'), is('.metadata.ownerReferences.[].kind', 'Job')],
      annotated('sim/run-duration', options.jobRunMs),
      POD_COMPLETE,
    ),
    stage(
      'pod-delete',
      'Pod',
      [{ jq: { key: '.metadata.deletionTimestamp', operator: 'Exists' } }],
      annotated('sim/stop-duration', 0),
      undefined,
    ),
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}

function is(key: string, value: string): Expression {
  return { jq: { key, operator: 'In', values: [value] } };
}

function isNot(key: string, value: string): Expression {
  return { jq: { key, operator: 'NotIn', values: [value] } };
}

function annotated(annotation: string, defaultMs: number): object {
  return {
    durationMilliseconds: defaultMs,
    durationFrom: { jq: { expression: `.metadata.annotations["${annotation}"]` } },
  };
}

/** A Stage: objects of `kind` that match wait for `delay`, then get `status`, or are deleted where there is none. */
function stage(
  name: string,
  kind: 'Node' | 'Pod',
  matchExpressions: readonly Expression[],
  delay: object | undefined,
  status: string | undefined,
): object {
  const step =
    status === undefined
      ? { delete: true }
      : { patch: { root: 'status', subresource: 'status', type: 'strategic', template: status } };
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind },
      selector: { matchExpressions },
      ...(delay === undefined ? {} : { delay }),
      steps: [step],
    },
  };
}

/** What a healthy kubelet reports. Allocatable and addresses stay as they were registered. */
function nodeConditions(isTransition: boolean): string {
  const healthy = [
    ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
    [
      'MemoryPressure',
      'False',
      'KubeletHasSufficientMemory',
      'kubelet has sufficient memory available',
    ],
    ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ] as const;
  const conditions = healthy.map(
    ([type, status, reason, message]) => `
- type: ${type}
  status: "${status}"
  reason: ${reason}
  message: ${message}
  lastHeartbeatTime: {{ $now | Quote }}${isTransition ? '\n  lastTransitionTime: {{ $now | Quote }}' : ''}`,
  );
  return `{{ $now := Now }}\nconditions:${conditions.join('')}\n`;
}

const POD_READY = `
{{ $now := Now }}
{{ $ips := PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
phase: Running
startTime: {{ $now | Quote }}
conditions:
{{ range $type := list "PodReadyToStartContainers" "Initialized" "ContainersReady" "Ready" }}
- type: {{ $type }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
{{ range .spec.readinessGates }}
- type: {{ .conditionType | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state:
    running:
      startedAt: {{ $now | Quote }}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq ( or .restartPolicy "" ) "Always" }}
  started: true
  state:
    running:
      startedAt: {{ $now | Quote }}
  {{ else }}
  started: false
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
  {{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with $ips }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
`;

const POD_COMPLETE = `
{{ $now := Now }}
{{ $started := or .status.startTime $now }}
phase: Succeeded
conditions:
{{ range $type := list "ContainersReady" "Ready" }}
- type: {{ $type }}
  status: "False"
  reason: PodCompleted
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $started | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
`;
