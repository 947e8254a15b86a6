/** Manifests as people and kubectl write them become a snapshot. */
import t from 'tap';
import { effectiveRequests } from '../../../core/scheduling/requests.ts';
import { errorOf, podsOf, read, template } from './read-text.ts';

t.test('what kubectl prints is read as it is', async (t) => {
  const list = {
    apiVersion: 'v1',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'web-7d9c-abcde',
          namespace: 'shop',
          uid: 'u-1',
          creationTimestamp: '2026-08-01T10:00:00Z',
          labels: { app: 'web' },
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', keep: 'me' },
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'ReplicaSet',
              name: 'web-7d9c',
              uid: 'r',
              controller: true,
            },
          ],
        },
        spec: {
          nodeName: 'node-1',
          priority: 7,
          containers: [
            {
              name: 'c',
              image: 'nginx',
              env: [{ name: 'A', value: 'b' }],
              resources: { requests: { cpu: '500m' }, limits: { memory: '1Gi' } },
            },
          ],
          volumes: [
            { name: 'token', projected: { sources: [] } },
            { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
          ],
        },
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null }],
          containerStatuses: [{ name: 'c', ready: true, state: { running: {} } }],
        },
      },
    ],
    kind: 'List',
    metadata: { resourceVersion: '' },
  };
  const [pod] = await podsOf(JSON.stringify(list, undefined, 4));
  t.strictSame(pod, {
    namespace: 'shop',
    name: 'web-7d9c-abcde',
    uid: 'u-1',
    labels: { app: 'web' },
    annotations: { keep: 'me' },
    spec: {
      containers: [
        { name: 'c', resources: { requests: { cpu: '500m' }, limits: { memory: '1Gi' } } },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      priority: 7,
    },
    nodeName: 'node-1',
    phase: 'Running',
    ownerKind: 'ReplicaSet',
    createdMs: Date.UTC(2026, 7, 1, 10),
    priority: 7,
  });
  t.strictSame(pod && effectiveRequests(pod.spec), { cpu: 500, memory: 2 ** 30 });
});

t.test('pods of one template share their spec and their labels', async (t) => {
  const pod = (name: string, image: string, node: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {b: x, a: y}}\nspec: {nodeName: ${node}, containers: [{name: c, image: ${image}}]}\n`;
  const [a, b] = await podsOf(`${pod('a', 'i:1', 'n1')}---\n${pod('b', 'i:2', 'n2')}`);
  t.equal(a?.spec, b?.spec);
  t.equal(a?.labels, b?.labels);
  t.strictSame([a?.nodeName, b?.nodeName], ['n1', 'n2']);
});

t.test('priorities come from the pod, its class or the default class', async (t) => {
  const pod = (name: string, spec: string) =>
    `---\napiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {containers: [{name: c}]${spec}}\n`;
  const priorityClass = (name: string, value: number, more = '') =>
    `---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: ${name}}\nvalue: ${value}\n${more}`;
  const pods = [
    pod('own', ', priority: 3, priorityClassName: gone'),
    pod('class', ', priorityClassName: high'),
    pod('system', ', priorityClassName: system-node-critical'),
    pod('none', ''),
  ].join('');
  const priorities = async (text: string) => (await podsOf(text)).map((one) => one.priority);
  t.strictSame(await priorities(pods + priorityClass('high', 100)), [3, 100, 2_000_001_000, 0]);
  const defaults = `${priorityClass('b', 20, 'globalDefault: true\n')}${priorityClass('a', -5, 'globalDefault: true\n')}`;
  t.strictSame(
    await priorities(pods + priorityClass('high', 100) + defaults),
    [3, 100, 2_000_001_000, -5],
  );
});

t.test(
  'a RuntimeClass adds its overhead and its node selector, and its absence is said',
  async (t) => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {runtimeClassName: kata, nodeSelector: {a: b}, containers: [{name: c, resources: {requests: {cpu: 1}}}]}\n';
    const runtimeClass =
      '---\napiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: kata}\nhandler: kata\noverhead: {podFixed: {cpu: 250m}}\nscheduling: {nodeSelector: {kata: "true"}, tolerations: [{key: kata, operator: Exists}]}\n';
    const known = await read(pod + runtimeClass);
    t.match(known.snapshot.pods[0]?.spec, {
      nodeSelector: { a: 'b', kata: 'true' },
      tolerations: [{ key: 'kata', operator: 'Exists' }],
    });
    t.strictSame(effectiveRequests(known.snapshot.pods[0]?.spec ?? { containers: [] }), {
      cpu: 1250,
    });
    t.match((await read(pod)).notes.join(' '), /no RuntimeClass "kata"/);
  },
);

t.test('ports on the host network are ports of the host', async (t) => {
  const [pod] = await podsOf(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: true, containers: [{name: c, ports: [{containerPort: 80}]}]}\n',
  );
  t.strictSame(pod?.spec.containers[0]?.ports, [{ containerPort: 80, hostPort: 80 }]);
});

t.test('a pod on a node is charged what the node has set aside for it', async (t) => {
  const [pod] = await podsOf(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {nodeName: n, containers: [{name: c, resources: {requests: {cpu: 1}}}]}\nstatus: {phase: Running, containerStatuses: [{name: c, allocatedResources: {cpu: 3}, resources: {requests: {cpu: 2}}}]}\n',
  );
  t.strictSame(pod && effectiveRequests(pod.spec), { cpu: 3000 });
});

t.test('a pod that is being deleted is read as such', async (t) => {
  const pod = (name: string, metadata: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${metadata}}\nspec: {containers: [{name: c}]}\n`;
  const going = ', deletionTimestamp: "2026-08-01T10:00:00Z"';
  const pods = await podsOf(`${pod('going', going)}---\n${pod('stays', '')}`);
  t.strictSame(
    pods.map(({ deletionMs }) => deletionMs),
    [Date.UTC(2026, 7, 1, 10), undefined],
  );
});

t.test('nodes, namespaces and DaemonSets are kept, reduced to what placement reads', async (t) => {
  const { snapshot } = await read(
    [
      'apiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {a: b}}\nspec: {unschedulable: true, taints: [{key: k, effect: NoSchedule}], podCIDR: 10.0.0.0/24}\nstatus: {capacity: {cpu: "4", memory: 16Gi}, images: [{names: [x]}]}\n',
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n',
      `apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: kube-system}\nspec: {${template}}\n`,
    ].join('---\n'),
  );
  const capacity = { cpu: '4', memory: '16Gi' };
  t.strictSame(snapshot.nodes, [
    {
      metadata: { name: 'n', labels: { a: 'b' } },
      spec: { unschedulable: true, taints: [{ key: 'k', effect: 'NoSchedule' }] },
      status: { capacity, allocatable: capacity },
    },
  ]);
  t.strictSame(
    [...snapshot.namespaceLabels],
    [['shop', { team: 'a', 'kubernetes.io/metadata.name': 'shop' }]],
  );
  t.match(snapshot.daemonSets, [
    {
      metadata: { name: 'agent', namespace: 'kube-system' },
      spec: { template: { spec: { containers: [{ name: 'c' }] } } },
    },
  ]);
  t.strictSame(snapshot.pods, []);
});

t.test('kinds that do not matter are counted, those of former APIs are refused', async (t) => {
  const { ignoredKinds } = await read(
    [
      'v1 ConfigMap',
      'v1 ConfigMap',
      'v1 Service',
      'example.com/v1 Deployment',
      'v1 PersistentVolumeClaim',
    ]
      .map((one) => one.split(' '))
      .map(([apiVersion, kind]) => `apiVersion: ${apiVersion}\nkind: ${kind}\n`)
      .join('---\n'),
  );
  t.strictSame(
    [...ignoredKinds],
    [
      ['ConfigMap', 2],
      ['Service', 1],
      ['Deployment.example.com', 1],
      ['PersistentVolumeClaim', 1],
    ],
  );
  for (const [apiVersion, kind, expected] of [
    ['extensions/v1beta1', 'Deployment', /expected apps\/v1/],
    ['apps/v1beta2', 'StatefulSet', /expected apps\/v1/],
    ['batch/v1beta1', 'CronJob', /expected batch\/v1/],
    ['karpenter.sh/v1beta1', 'NodePool', /expected karpenter\.sh\/v1/],
    [
      'karpenter.k8s.aws/v1beta1',
      'EC2NodeClass',
      /expected karpenter\.k8s\.aws\/v1 or stowage\.dev\/v1/,
    ],
    ['karpenter.sh/v1alpha5', 'Provisioner', /expected NodePool of karpenter\.sh\/v1/],
    ['karpenter.k8s.aws/v1alpha1', 'AWSNodeTemplate', /expected EC2NodeClass/],
  ] as const) {
    t.match(
      (await errorOf(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n`)).message,
      expected,
    );
  }
});

t.test('without pools and classes the assumed ones are stated', async (t) => {
  const { snapshot, notes } = await read('');
  t.match(snapshot.nodePools, [{ metadata: { name: 'default' } }]);
  t.match(snapshot.nodeClasses, [
    { metadata: { name: 'default' }, spec: { amiSelectorTerms: [{ alias: 'al2023@latest' }] } },
  ]);
  t.equal(notes.length, 2);
  t.match(notes[0], /no NodePool.*on-demand.*c, m and r/);
  t.match(notes[1], /no EC2NodeClass "default".*AL2023/);
});

t.test('a pool may refer to a class that is not there only if there is none at all', async (t) => {
  const pool = (ref: string) =>
    `apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec: {template: {spec: {requirements: [], nodeClassRef: ${ref}}}}\n`;
  const nodeClass = (apiVersion: string) =>
    `---\napiVersion: ${apiVersion}\nkind: EC2NodeClass\nmetadata: {name: a}\nspec: {role: r, amiSelectorTerms: [{alias: al2023@latest}], subnetSelectorTerms: [{id: subnet-1}], securityGroupSelectorTerms: [{id: sg-1}]}\n`;
  const refTo = (name: string, group = 'karpenter.k8s.aws', kind = 'EC2NodeClass') =>
    `{group: ${group}, kind: ${kind}, name: ${name}}`;
  const assumed = await read(pool(refTo('mine', 'stowage.dev')));
  t.match(assumed.snapshot.nodeClasses, [
    { apiVersion: 'stowage.dev/v1', metadata: { name: 'mine' } },
  ]);
  t.match(assumed.notes, ['The input has no EC2NodeClass "mine"; assumed AL2023']);
  const given = await read(pool(refTo('a')) + nodeClass('karpenter.k8s.aws/v1'));
  t.strictSame(given.notes, []);
  t.equal(given.snapshot.nodeClasses.length, 1);
  const field = 'spec.template.spec.nodeClassRef.name';
  t.match(await errorOf(pool(refTo('b')) + nodeClass('karpenter.k8s.aws/v1')), {
    location: { object: 'NodePool p', field },
  });
  t.match(await errorOf(pool(refTo('a')) + nodeClass('stowage.dev/v1')), { location: { field } });
  t.match(
    (await errorOf(pool(refTo('a', 'karpenter.k8s.aws', 'KWOKNodeClass')))).location.field,
    /kind$/,
  );
  t.equal(
    (await read(pool(refTo('a')) + nodeClass('karpenter.k8s.aws/v1') + nodeClass('stowage.dev/v1')))
      .snapshot.nodeClasses.length,
    2,
  );
});
