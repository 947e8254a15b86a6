/** Tolerations, selectors and ports of a pod in compiled form mean what Kubernetes says. */
import t from 'tap';
import type { LabelSelector, PodSpec, Taint, Toleration } from '../../../core/api/kubernetes.ts';
import { anyPortsCollide, hostPortsOf } from '../../../core/scheduling/host-ports.ts';
import { compileSelector, matchesNothing } from '../../../core/scheduling/label-selector.ts';
import { everyNode, nodeSelectionOf } from '../../../core/scheduling/node-affinity.ts';
import { firstUntoleratedTaint, tolerates } from '../../../core/scheduling/taints.ts';
import { isInScope, separationRulesOf, spreadRulesOf } from '../../../core/scheduling/topology.ts';
import { canonicalLabels, regionOfZone } from '../../../core/scheduling/well-known-labels.ts';

const containers = [{ name: 'main' }];

t.test('tolerations cover taints by key, value and effect', async (t) => {
  const taint: Taint = { key: 'team', value: '7', effect: 'NoSchedule' };
  const cases: [Toleration, boolean][] = [
    [{}, false],
    [{ operator: 'Exists' }, true],
    [{ operator: 'Exists', effect: 'NoExecute' }, false],
    [{ key: 'team', operator: 'Exists', effect: 'NoSchedule' }, true],
    [{ key: 'other', operator: 'Exists' }, false],
    [{ key: 'team', operator: 'Equal', value: '7' }, true],
    [{ key: 'team', value: '7', effect: '' }, true],
    [{ key: 'team', value: '8' }, false],
    [{ key: 'team' }, false],
    [{ operator: 'Equal', value: '7' }, false],
    [{ key: 'team', operator: 'Gt', value: '6' }, true],
    [{ key: 'team', operator: 'Gt', value: '7' }, false],
    [{ key: 'team', operator: 'Lt', value: '8' }, true],
    [{ key: 'team', operator: 'Lt', value: 'x' }, false],
  ];
  for (const [toleration, expected] of cases) {
    t.equal(tolerates(toleration, taint), expected, JSON.stringify(toleration));
  }
  const soft: Taint = { key: 'soft', effect: 'PreferNoSchedule' };
  t.equal(firstUntoleratedTaint([soft], []), undefined);
  t.equal(firstUntoleratedTaint([soft, taint], []), taint);
});

t.test('selectors that mean the same are one selector', async (t) => {
  const text = (selector: LabelSelector) => compileSelector(selector).text;
  const short = { matchLabels: { app: 'web', tier: 'x' } };
  t.equal(
    text(short),
    text({
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['x', 'x'] },
        { key: 'app', operator: 'In', values: ['web'] },
      ],
    }),
  );
  t.not(text(short), text({ matchLabels: { app: 'web' } }));
  t.equal(compileSelector(undefined), matchesNothing);
  t.ok(compileSelector({}).matches({}), 'an empty selector selects everything');
});

t.test('selectors match as Kubernetes says, and invalid ones match nothing', async (t) => {
  const matches = (one: NonNullable<LabelSelector['matchExpressions']>[number], value?: string) =>
    compileSelector({ matchExpressions: [one] }).matches(value === undefined ? {} : { k: value });
  t.ok(matches({ key: 'k', operator: 'NotIn', values: ['a'] }));
  t.notOk(matches({ key: 'k', operator: 'NotIn', values: ['a'] }, 'a'));
  t.ok(matches({ key: 'k', operator: 'Exists' }, ''));
  t.notOk(matches({ key: 'k', operator: 'Exists' }));
  t.ok(matches({ key: 'k', operator: 'DoesNotExist' }));
  t.notOk(matches({ key: 'k', operator: 'In', values: [] }, 'a'));
  t.notOk(matches({ key: 'k', operator: 'Exists', values: ['a'] }, 'a'));
});

t.test('node selections are equal if they admit the same by construction', async (t) => {
  t.equal(nodeSelectionOf({ containers }), everyNode);
  const term = (key: string, ...values: string[]) => ({
    matchExpressions: [{ key, operator: 'In' as const, values }],
  });
  const affine = (...terms: ReturnType<typeof term>[]): PodSpec => ({
    containers,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
      },
    },
  });
  const selector = nodeSelectionOf({ containers, nodeSelector: { disk: 'ssd' } });
  t.equal(nodeSelectionOf(affine(term('disk', 'ssd'), term('disk', 'ssd'))).text, selector.text);
  t.equal(
    nodeSelectionOf(affine(term('a', '1'), term('b', '2'))).text,
    nodeSelectionOf(affine(term('b', '2'), term('a', '1'))).text,
  );
  const unmeetable = { ...affine(term('disk', 'hdd')), nodeSelector: { disk: 'ssd' } };
  t.strictSame(nodeSelectionOf(unmeetable).alternatives, []);
  t.equal(
    nodeSelectionOf({ containers, nodeSelector: { 'beta.kubernetes.io/arch': 'arm64' } }).text,
    nodeSelectionOf({ containers, nodeSelector: { 'kubernetes.io/arch': 'arm64' } }).text,
  );
});

t.test(
  'host ports are those of containers and sidecars, and of all on the host network',
  async (t) => {
    const ports = [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }];
    const spec: PodSpec = {
      containers: [{ name: 'main', ports }],
      initContainers: [
        { name: 'once', ports: [{ containerPort: 1, hostPort: 1 }] },
        { name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 2, hostPort: 2 }] },
      ],
    };
    t.strictSame(
      hostPortsOf(spec).map(({ port }) => port),
      [8080, 2],
    );
    t.strictSame(
      hostPortsOf({ ...spec, hostNetwork: true }).map(({ port }) => port),
      [8080, 81, 2],
    );
    const on = (ip: string) => [{ ip, protocol: 'TCP', port: 80 }];
    t.ok(anyPortsCollide(on(''), on('10.0.0.1')));
    t.notOk(anyPortsCollide(on('10.0.0.1'), on('10.0.0.2')));
  },
);

t.test('rules that count pods carry their scope', async (t) => {
  const spec: PodSpec = {
    containers,
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'failure-domain.beta.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
        matchLabelKeys: ['hash', 'missing'],
      },
      { maxSkew: 1, topologyKey: 'x', whenUnsatisfiable: 'ScheduleAnyway' },
    ],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: {},
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'b' } },
            mismatchLabelKeys: ['hash'],
          },
        ],
      },
    },
  };
  const labels = { app: 'web', hash: '1' };
  const [spread, ...others] = spreadRulesOf(spec, 'a', labels);
  t.strictSame(others, [], 'ScheduleAnyway is no rule');
  t.match(spread, {
    topologyKey: 'topology.kubernetes.io/zone',
    honorsAffinity: true,
    honorsTaints: false,
    minDomains: 1,
  });
  t.ok(isInScope(spread!.scope, 'a', labels));
  t.notOk(isInScope(spread!.scope, 'a', { app: 'web', hash: '2' }));
  t.notOk(isInScope(spread!.scope, 'b', labels));
  const [separation] = separationRulesOf(spec, 'a', labels, new Map());
  t.ok(isInScope(separation!.scope, 'b', { hash: '2' }), 'namespaces are known by their names');
  t.notOk(isInScope(separation!.scope, 'b', labels));
  t.notOk(isInScope(separation!.scope, 'a', { hash: '2' }));
});

t.test('old label keys and zone names are understood', async (t) => {
  t.match(canonicalLabels({ 'beta.kubernetes.io/os': 'linux' }), { 'kubernetes.io/os': 'linux' });
  const both = { 'beta.kubernetes.io/os': 'x', 'kubernetes.io/os': 'linux' };
  t.equal(canonicalLabels(both), both);
  t.strictSame(
    ['us-east-1a', 'us-east-1-bos-1a', 'us-gov-west-1b', 'test-1a', 'moon'].map(regionOfZone),
    ['us-east-1', 'us-east-1', 'us-gov-west-1', undefined, undefined],
  );
});
