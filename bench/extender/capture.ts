/**
 * Records what a real kube-scheduler sends to an extender.
 *
 * In: the control plane of the tests. Out: `requests.json` beside this file: the bodies of filter
 * in both modes and of prioritize, word for word, for a pod as charts write them. Run by hand when
 * Kubernetes moves on: `node bench/extender/capture.ts [FILE]`.
 */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { watchCluster } from '../../test/control-plane/cluster-watch.ts';
import { startControlPlane } from '../../test/control-plane/control-plane.ts';
import { joinNode } from '../../test/control-plane/joining-node.ts';
import { hasCondition } from '../../test/control-plane/objects.ts';
import type { CapturedRequests } from './requests.ts';

const deadlineMs = 60_000;
const requestsFile = process.argv[2] ?? join(import.meta.dirname, 'requests.json');

function container(name: string, cpu: string, memory: string): object {
  const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10, timeoutSeconds: 3 };
  const fieldRef = { fieldPath: 'status.podIP' };
  return {
    name,
    image: `123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/${name}:2026.11.3-4f2a91c`,
    args: ['--log-format=json', '--listen=:8080'],
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef } },
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'database', key: 'url' } } },
      { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://otel-collector.observability:4317' },
      { name: 'FEATURES', value: 'checkout-v2,search-suggestions,express-delivery' },
    ],
    resources: { requests: { cpu, memory }, limits: { memory } },
    livenessProbe: probe,
    readinessProbe: probe,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'config', mountPath: '/etc/app', readOnly: true },
    ],
  };
}

const labels = { 'app.kubernetes.io/name': 'storefront', 'app.kubernetes.io/instance': 'shop' };
const deployment = {
  metadata: { name: 'storefront', labels },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: {
        labels: { ...labels, 'helm.sh/chart': 'storefront-3.4.1', version: '2026.11.3' },
        annotations: { 'checksum/config': 'a'.repeat(64), 'prometheus.io/scrape': 'true' },
      },
      spec: {
        schedulerName: 'captured',
        initContainers: [{ ...container('proxy', '100m', '128Mi'), restartPolicy: 'Always' }],
        containers: [container('storefront', '500m', '768Mi')],
        tolerations: [{ key: 'workload', operator: 'Equal', value: 'web', effect: 'NoSchedule' }],
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: labels },
          },
        ],
        volumes: [
          { name: 'tmp', emptyDir: {} },
          { name: 'config', configMap: { name: 'storefront' } },
        ],
      },
    },
  },
};

/** Passes every node and keeps the last body of each path. */
async function serveRecorder(bodies: Map<string, string>) {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    bodies.set(request.url ?? '', body);
    const { Nodes, NodeNames } = JSON.parse(body);
    const answer = request.url?.endsWith('filter') ? { Nodes, NodeNames } : [];
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

async function capture(): Promise<void> {
  const bodies = new Map<string, string>();
  const { server, port } = await serveRecorder(bodies);
  const plane = await startControlPlane({ schedulers: [] });
  try {
    const cluster = await watchCluster(plane.client);
    for (const name of ['ip-10-0-11-87.ec2.internal', 'ip-10-0-64-203.ec2.internal']) {
      await joinNode(plane.client, {
        name,
        providerId: `aws:///us-east-1a/${name}`,
        labels: {
          'kubernetes.io/arch': 'amd64',
          'kubernetes.io/os': 'linux',
          'node.kubernetes.io/instance-type': 'm7i.2xlarge',
          'topology.kubernetes.io/region': 'us-east-1',
          'topology.kubernetes.io/zone': 'us-east-1a',
          'karpenter.sh/nodepool': 'general-purpose',
          'karpenter.sh/capacity-type': 'on-demand',
        },
        taints: [],
        allocatable: { cpu: '7910m', memory: '30Gi', 'ephemeral-storage': '95Gi', pods: '58' },
      });
    }
    const isOpen = () =>
      [...cluster.nodes.values()].filter(
        (node) => hasCondition(node, 'Ready') && (node.spec?.taints ?? []).length === 0,
      ).length === 2;
    await cluster.until('two nodes are open', isOpen, deadlineMs);
    const verbs = { filterVerb: 'filter', prioritizeVerb: 'prioritize', weight: 1 };
    await plane.startScheduler({
      name: 'captured',
      configuration: {
        profiles: [{ schedulerName: 'captured' }],
        extenders: [
          { urlPrefix: `http://127.0.0.1:${port}/names`, nodeCacheCapable: true, ...verbs },
          { urlPrefix: `http://127.0.0.1:${port}/whole`, ...verbs },
        ],
      },
    });
    await plane.client.expect('POST', '/apis/apps/v1/namespaces/default/deployments', deployment);
    const isBound = () => [...cluster.pods.values()].some((pod) => pod.spec.nodeName !== undefined);
    await cluster.until('the pod is bound', isBound, deadlineMs);
    await cluster.stop();
    const of = (path: string): string => bodies.get(path) ?? '';
    const captured: CapturedRequests = {
      kubernetes: (await plane.client.expect<{ gitVersion: string }>('GET', '/version')).gitVersion,
      filterNames: of('/names/filter'),
      prioritizeNames: of('/names/prioritize'),
      filterNodes: of('/whole/filter'),
    };
    await writeFile(requestsFile, `${JSON.stringify(captured, undefined, 2)}\n`);
  } finally {
    await plane.stop();
    server.close();
  }
}

await capture();
