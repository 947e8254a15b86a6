/**
 * A cluster that is made up page by page, for measuring what its reader keeps of it.
 *
 * In: how many nodes and pods. Out: the ClusterClient port: lists give objects as they come from the
 * wire (parsed from text, nothing shared, kubelets' statuses included), watches tell nothing, another
 * replica holds the Lease. Nothing of it stays in memory once it has been read. It writes nothing.
 */
import type { Kind, Live } from '../../core/api/kinds.ts';
import { type ClusterClient, ClusterError, type ListPage } from '../../core/ports.ts';

const templates = 40;
const pageDefault = 500;
const created = '2026-01-01T00:00:00Z';

/** Read-only; see the header. */
export function generatedClient(nodes: number, pods: number): ClusterClient {
  const makers: Partial<Record<Kind, { readonly count: number; make(index: number): object }>> = {
    Pod: { count: pods, make: (index) => pod(index, index % nodes) },
    Node: { count: nodes, make: node },
    NodeClaim: { count: nodes, make: claim },
  };
  const refuse = async (): Promise<never> => {
    throw new ClusterError('Forbidden', 'this cluster is only read');
  };
  return {
    list: async <K extends Kind>(
      kind: K,
      options: { readonly limit?: number; readonly continue?: string } = {},
    ): Promise<ListPage<K>> => {
      const maker = makers[kind];
      const from = Number(options.continue ?? 0);
      const to = Math.min(maker?.count ?? 0, from + (options.limit ?? pageDefault));
      const items = Array.from({ length: to - from }, (_, index) => {
        const text = JSON.stringify(maker?.make(from + index));
        return JSON.parse(text) as Live<K>;
      });
      const page = { items, resourceVersion: '1' };
      return to < (maker?.count ?? 0) ? { ...page, continue: String(to) } : page;
    },
    watch: async (_kind, { signal }) =>
      await new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    get: async <K extends Kind>(kind: K) =>
      kind === 'Lease' ? (heldLease() as unknown as Live<K>) : undefined,
    create: refuse,
    replace: refuse,
    patch: refuse,
    apply: refuse,
    delete: refuse,
    bind: refuse,
    evict: refuse,
    serves: async (kind) => kind !== 'EC2NodeClass.stowage.dev',
    probe: async () => undefined,
  };
}

/** Renewed by another just now, whenever it is read. */
function heldLease(): object {
  const renewTime = new Date().toISOString();
  return {
    metadata: { ...metadataOf('Lease', 0), name: 'stowage-leader', resourceVersion: renewTime },
    spec: { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime, acquireTime: created },
  };
}

function metadataOf(kind: string, index: number) {
  const text = index.toString(16).padStart(12, '0');
  const group = kind.length.toString(16).padStart(8, '0');
  return {
    uid: `${group}-0000-4000-8000-${text}`,
    resourceVersion: String(1_000 + index),
    creationTimestamp: created,
  };
}

const nodeName = (index: number): string =>
  `ip-10-${index >> 16}-${(index >> 8) & 255}-${index & 255}.ec2.internal`;
const providerID = (index: number): string =>
  `aws:///us-east-1a/i-${index.toString(16).padStart(17, '0')}`;

function pod(index: number, onNode: number): object {
  const app = `app-${index % templates}`;
  const requests = { cpu: `${100 + (index % templates) * 10}m`, memory: '256Mi' };
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: created,
  }));
  return {
    metadata: {
      ...metadataOf('Pod', index),
      namespace: `team-${index % 10}`,
      name: `${app}-5d4f8c7b9-${index.toString(36).padStart(5, '0')}`,
      generateName: `${app}-5d4f8c7b9-`,
      labels: { app, 'pod-template-hash': '5d4f8c7b9' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${app}-5d4f8c7b9`,
          uid: `uid-of-${app}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      nodeName: nodeName(onNode),
      serviceAccountName: 'default',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      containers: [
        {
          name: 'main',
          image: `registry.example/${app}:1.0`,
          env: [{ name: 'NAME', value: `value of ${index}` }],
          resources: { requests },
          volumeMounts: [{ name: 'token', mountPath: '/var/run/secrets' }],
        },
      ],
      volumes: [{ name: 'token', projected: { sources: [] } }],
      tolerations: ['not-ready', 'unreachable'].map((name) => ({
        key: `node.kubernetes.io/${name}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: {
      phase: 'Running',
      conditions,
      startTime: created,
      podIP: `10.1.${(index >> 8) & 255}.${index & 255}`,
      containerStatuses: [
        {
          name: 'main',
          ready: true,
          restartCount: 0,
          image: `registry.example/${app}:1.0`,
          containerID: `containerd://${index.toString(16).padStart(64, '0')}`,
          state: { running: { startedAt: created } },
        },
      ],
    },
  };
}

function node(index: number): object {
  const resources = { cpu: '32', memory: '128Gi', pods: '234', 'ephemeral-storage': '80Gi' };
  return {
    metadata: {
      ...metadataOf('Node', index),
      name: nodeName(index),
      labels: labelsOf(index),
    },
    spec: { providerID: providerID(index) },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: created }],
      images: Array.from({ length: 30 }, (_, image) => ({
        names: [`registry.example/app-${image}@sha256:${String(image).padStart(64, '0')}`],
        sizeBytes: 100_000_000 + index,
      })),
    },
  };
}

function claim(index: number): object {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      ...metadataOf('NodeClaim', index),
      name: `general-${index.toString(36).padStart(7, '0')}`,
      labels: labelsOf(index),
      finalizers: ['karpenter.sh/termination'],
    },
    spec: {
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
      requirements: [
        { key: 'node.kubernetes.io/instance-type', operator: 'In', values: ['m7i.8xlarge'] },
      ],
      resources: { requests: { cpu: '30', memory: '100Gi' } },
    },
    status: {
      providerID: providerID(index),
      nodeName: nodeName(index),
      conditions: ['Launched', 'Registered', 'Initialized', 'Ready'].map((type) => ({
        type,
        status: 'True',
        reason: type,
        message: '',
        lastTransitionTime: created,
      })),
    },
  };
}

function labelsOf(index: number) {
  return {
    'karpenter.sh/nodepool': 'general',
    'karpenter.sh/capacity-type': index % 3 === 0 ? 'on-demand' : 'spot',
    'node.kubernetes.io/instance-type': 'm7i.8xlarge',
    'topology.kubernetes.io/zone': `us-east-1${'abc'[index % 3]}`,
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/hostname': nodeName(index),
  };
}
