/** Wrong manifests are refused at the field, with what was expected and what was found. */
import t from 'tap';
import { readInput } from '../../../extender/input/reader.ts';
import { errorOf, namesOf } from './read-text.ts';

t.test('null counts as absent in a mapping, and as wrong in a list', async (t) => {
  t.strictSame(
    await namesOf(
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: , labels: }\nspec: {containers: [{name: c, resources: }], tolerations: }\n',
    ),
    ['default/a'],
  );
  const { location } = await errorOf(
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [null]}\n',
  );
  t.equal(location.field, 'spec.containers[0]');
});

t.test(
  'a mistake is named with file, document, object, field, expectation and finding',
  async (t) => {
    const directory = t.testdir({
      'pods.yaml':
        'apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec:\n  containers:\n  - name: c\n    resources: {requests: {cpu: 1.5Gb}}\n',
    });
    const file = `${directory}/pods.yaml`;
    await t.rejects(readInput([file]), {
      name: 'InputError',
      location: {
        file,
        document: 2,
        object: 'Pod shop/a',
        field: 'spec.containers[0].resources.requests.cpu',
      },
      message: `${file}: document 2: Pod shop/a: spec.containers[0].resources.requests.cpu: expected a quantity of at least 0, such as 500m, 2 or 1.5Gi, found "1.5Gb"`,
    });
  },
);

t.test('each kind of mistake in a pod is refused at its field', async (t) => {
  const pod = (spec: string, metadata = 'name: a') =>
    `apiVersion: v1\nkind: Pod\nmetadata: {${metadata}}\nspec: {containers: [{name: c}], ${spec}}\n`;
  const spread =
    'topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule';
  const term = (requirement: string) =>
    `affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [${requirement}]}}}`;
  const at =
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]';
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      pod('nodeSelector: {a: true}'),
      'spec.nodeSelector.a',
      /quote numbers and booleans.*found boolean true/,
    ],
    [pod('nodeSelector: {"a b": x}'), 'spec.nodeSelector["a b"]', /qualified name.*found "a b"/],
    [pod('x: 1', 'name: a, labels: {a: "-b"}'), 'metadata.labels.a', /label value.*found "-b"/],
    [pod('x: 1', 'name: A_b'), 'metadata.name', /DNS name.*found "A_b"/],
    [pod('x: 1', 'labels: {}'), 'metadata.name', /name of the object, found nothing/],
    [pod('overhead: {cpu: -1}'), 'spec.overhead.cpu', /at least 0.*found number -1/],
    [pod('overhead: {memory: 1Gib}'), 'spec.overhead.memory', /quantity.*found "1Gib"/],
    [pod('overhead: {cpus: 1}'), 'spec.overhead.cpus', /expected cpu, memory.*found "cpus"/],
    [
      pod('overhead: {nvidia.com/gpu: 0.5}'),
      'spec.overhead["nvidia.com/gpu"]',
      /an integer, found "0.5"/,
    ],
    [
      pod('resources: {requests: {ephemeral-storage: 1Gi}}'),
      'spec.resources.requests.ephemeral-storage',
      /pod as a whole/,
    ],
    [
      pod('resources: {requests: {cpu: 2}, limits: {cpu: 1}}'),
      'spec.resources.requests.cpu',
      /at most the limit "1", found "2"/,
    ],
    [
      pod('tolerations: [{operator: Equal, value: x}]'),
      'spec.tolerations[0].operator',
      /expected Exists/,
    ],
    [
      pod('tolerations: [{key: a, operator: Exists, value: x}]'),
      'spec.tolerations[0].value',
      /no value for Exists/,
    ],
    [
      pod('tolerations: [{key: a, operator: Equals}]'),
      'spec.tolerations[0].operator',
      /one of Exists, Equal/,
    ],
    [
      pod('tolerations: [{key: a, operator: Gt, value: x}]'),
      'spec.tolerations[0].value',
      /an integer/,
    ],
    [
      pod('tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 5}]'),
      'spec.tolerations[0].effect',
      /NoExecute/,
    ],
    [
      pod(`${spread}, minDomains: 0}]`),
      'spec.topologySpreadConstraints[0].minDomains',
      /integer from 1/,
    ],
    [
      pod(`${spread}, labelSelector: {matchExpressions: [{key: a, operator: In}]}}]`),
      'spec.topologySpreadConstraints[0].labelSelector.matchExpressions[0].values',
      /at least one value/,
    ],
    [
      pod(`${spread}}, {maxSkew: 2, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]`),
      'spec.topologySpreadConstraints[1]',
      /once/,
    ],
    [
      pod('topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: Never}]'),
      'spec.topologySpreadConstraints[0].maxSkew',
      /integer from 1/,
    ],
    [
      pod(term('{matchExpressions: [{key: a, operator: Gt, values: [x]}]}')),
      `${at}.matchExpressions[0].values[0]`,
      /integer as string, found "x"/,
    ],
    [
      pod(term('{matchExpressions: [{key: a, operator: Lt, values: ["1", "2"]}]}')),
      `${at}.matchExpressions[0].values`,
      /exactly one value, found 2/,
    ],
    [
      pod(term('{matchExpressions: [{key: a, operator: Gte, values: ["1"]}]}')),
      `${at}.matchExpressions[0].operator`,
      /one of In, NotIn/,
    ],
    [
      pod(term('{matchFields: [{key: metadata.uid, operator: In, values: [x]}]}')),
      `${at}.matchFields[0].key`,
      /metadata.name/,
    ],
    [pod(term('')), at.slice(0, -'[0]'.length), /at least 1 entry/],
    [
      pod(
        'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {}}]}}',
      ),
      'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey',
      /found nothing/,
    ],
    [pod('initContainers: [{name: c}]'), 'spec.containers[1]', /container name once/],
    [pod('schedulingGates: [{nam: x}]'), 'spec.schedulingGates[0].name', /found nothing/],
    [
      pod('priorityClassName: high'),
      'spec.priorityClassName',
      /PriorityClass of the input, found "high"/,
    ],
    [pod('priority: 1.5'), 'spec.priority', /an integer.*found number 1.5/],
    [pod('hostNetwork: "yes"'), 'spec.hostNetwork', /true or false, found "yes"/],
    ['apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n', 'spec', /a mapping, found nothing/],
    ['apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c}]}\n', 'metadata', /found nothing/],
    [
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n',
      'spec.containers',
      /at least 1 entry, found an empty list/,
    ],
    ['apiVersion: v2\nkind: Pod\nmetadata: {name: a}\n', 'apiVersion', /expected v1, found "v2"/],
    ['kind: Pod\nmetadata: {name: a}\n', 'apiVersion', /found nothing/],
    ['apiVersion: v1\nmetadata: {name: a}\n', 'kind', /found nothing/],
  ];
  for (const [text, field, message] of cases) {
    const error = await errorOf(text);
    t.equal(error.location.field, field, `${field}: ${error.message}`);
    t.match(error.message, message);
  }
});

t.test('all mistakes of a run are named, up to a bound', async (t) => {
  const pod = (index: number) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: p${index}}\nspec: {containers: [{name: c, resources: {requests: {cpu: x}}}]}\n---\n`;
  const few = (await errorOf([1, 2, 3].map(pod).join(''))).message.split('\n');
  t.equal(few.length, 3);
  t.match(
    few[2],
    /^-: document 3: Pod default\/p3: spec\.containers\[0\]\.resources\.requests\.cpu: /,
  );
  const many = (await errorOf(Array.from({ length: 50 }, (_, index) => pod(index)).join('')))
    .message;
  t.equal(many.split('\n').length, 21);
  t.match(many, /stopped reading after 20 mistakes$/);
});

t.test('a syntax error is named beside the mistakes before it', async (t) => {
  const error = await errorOf(
    'apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {containers: [{name: c}]}\n---\na: [\n',
  );
  const lines = error.message.split('\n');
  t.match(lines[0], /document 1: Pod: metadata.name/);
  t.match(lines[1], /document 2: line 7.*not YAML/);
});

t.test('an object that is given twice is refused', async (t) => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c}]}\n';
  t.match(await errorOf(`${pod}---\n${pod}`), {
    location: { document: 2, object: 'Pod default/a' },
  });
  const node = 'apiVersion: v1\nkind: Node\nmetadata: {name: n}\n';
  t.match(
    (await errorOf(`${node}---\n${node}`)).message,
    /document 2: Node n: expected each object once/,
  );
  t.strictSame(await namesOf(`${pod}---\n${pod.replace('name: a', 'name: a, namespace: b')}`), [
    'default/a',
    'b/a',
  ]);
});

t.test('a field that nests without end is refused or passed over, not run into', async (t) => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const metadata = '"metadata":{"name":"a"}';
  const text = `{"apiVersion":"v1","kind":"Pod",${metadata},"spec":{"containers":[],"x":${deep}}}`;
  t.equal((await errorOf(text)).location.field, 'spec.containers');
});
