/** Whether a node that has come holds the pods that were planned for it. */
import t from 'tap';
import type { DaemonSet, Node, PodSpec } from '../../../core/api/kubernetes.ts';
import {
  daemonsOf,
  misfits,
  missingDevices,
  type StandingNode,
} from '../../../core/binding/room-check.ts';
import { daemonTemplates } from '../../../core/scheduling/daemonsets.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { UsageByNode } from '../../../core/state/node-usage.ts';
import { livePod } from '../../support/live-pods.ts';

const reserved = { key: 'stowage.dev/reserved', effect: 'NoSchedule' } as const;

function spec(cpu: string, over: Partial<PodSpec> = {}): PodSpec {
  return { containers: [{ name: 'main', resources: { requests: { cpu } } }], ...over };
}

function node(over: Partial<NonNullable<Node['spec']>> = {}): Node {
  return {
    metadata: { name: 'node-1', labels: { disk: 'ssd', 'kubernetes.io/os': 'linux' } },
    spec: { taints: [reserved], ...over },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '5', 'nvidia.com/gpu': '0' } },
  };
}

function daemon(name: string, cpu: string, over: Partial<PodSpec> = {}): DaemonSet {
  const labels = { app: name };
  return {
    metadata: { namespace: 'default', name },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: spec(cpu, over) },
    },
  };
}

function standing(
  over: {
    readonly node?: Node;
    readonly residents?: readonly LivePod[];
    readonly daemons?: readonly DaemonSet[];
    readonly coming?: StandingNode['coming'];
  } = {},
): StandingNode {
  const usage = new UsageByNode();
  for (const pod of over.residents ?? []) usage.add(pod);
  return {
    node: over.node ?? node(),
    usage: usage.of('node-1'),
    daemons: daemonTemplates(over.daemons ?? [], []),
    coming: over.coming ?? [],
  };
}

/** Reasons of pods called a, b, c ... that ask for so much. */
function reasons(where: StandingNode, ...specs: readonly PodSpec[]): Record<string, string> {
  const pods = specs.map((one, index) => ({ uid: 'abcdefgh'[index] ?? '', spec: one }));
  return Object.fromEntries(misfits(where, pods));
}

t.test('pods take their room one after the other', async (t) => {
  t.strictSame(reasons(standing(), spec('2'), spec('2')), {});
  t.strictSame(reasons(standing(), spec('3'), spec('2'), spec('1')), {
    b: 'needs 2 of cpu, 1 is free',
  });
});

t.test('what stands there and what is on its way have their room already', async (t) => {
  const residents = [
    livePod('one', { spec: spec('1500m') }),
    livePod('done', { spec: spec('4'), status: { phase: 'Succeeded' } }),
  ];
  const coming = [{ uid: 'x', spec: spec('2') }];
  t.strictSame(reasons(standing({ residents, coming }), spec('600m'), spec('500m')), {
    a: 'needs 600m of cpu, 500m is free',
  });
});

t.test(
  'DaemonSet pods that have not come keep their room, those that have count once',
  async (t) => {
    const daemons = [
      daemon('agent', '1'),
      daemon('elsewhere', '4', { nodeSelector: { disk: 'tape' } }),
    ];
    t.strictSame(reasons(standing({ daemons }), spec('3'), spec('100m')), {
      b: 'needs 100m of cpu, 0 is free',
    });
    const there = livePod('agent-1', {
      owner: 'DaemonSet',
      labels: { app: 'agent' },
      spec: spec('1'),
    });
    t.strictSame(reasons(standing({ daemons, residents: [there] }), spec('3')), {});
  },
);

t.test('the number of pods is bounded, DaemonSets included', async (t) => {
  const daemons = [daemon('agent', '10m')];
  const small = Array.from({ length: 5 }, () => spec('10m'));
  t.strictSame(reasons(standing({ daemons }), ...small), { e: 'the node holds 5 pods' });
});

t.test('taints count but for ours; a cordon is one', async (t) => {
  const other = { key: 'team', value: 'red', effect: 'NoSchedule' } as const;
  const tainted = standing({ node: node({ taints: [reserved, other] }) });
  const tolerant = spec('1', { tolerations: [{ key: 'team', operator: 'Exists' }] });
  t.strictSame(reasons(tainted, spec('1'), tolerant), {
    a: 'does not tolerate the taint team=red:NoSchedule',
  });
  t.match(reasons(standing({ node: node({ unschedulable: true }) }), spec('1')), {
    a: /unschedulable/,
  });
});

t.test('node selection is held against the labels that the node really has', async (t) => {
  const selecting = (nodeSelector: Record<string, string>) => spec('1', { nodeSelector });
  t.strictSame(
    reasons(
      standing(),
      selecting({ disk: 'ssd' }),
      selecting({ disk: 'hdd' }),
      selecting({ 'beta.kubernetes.io/os': 'linux' }),
    ),
    { b: 'node selector or required node affinity does not match' },
  );
});

t.test('two pods do not get the same host port', async (t) => {
  const on = (hostPort: number): PodSpec => ({
    containers: [{ name: 'main', ports: [{ containerPort: 80, hostPort }] }],
  });
  const residents = [livePod('one', { spec: on(80) })];
  t.strictSame(reasons(standing({ residents }), on(80), on(81), on(81)), {
    a: 'a host port is taken',
    c: 'a host port is taken',
  });
});

t.test('devices that are not allocatable are missing', async (t) => {
  t.strictSame(missingDevices(node(), ['nvidia.com/gpu', 'nvidia.com/gpu', 'other/one']), [
    'nvidia.com/gpu',
    'other/one',
  ]);
  t.strictSame(missingDevices(node(), []), []);
});

t.test('a DaemonSet belongs on a node whatever starting taints it still has', async (t) => {
  const starting = node({
    taints: [reserved, { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
  });
  const names = daemonsOf(starting, daemonTemplates([daemon('agent', '1')], [])).map(
    ({ name }) => name,
  );
  t.strictSame(names, ['default/agent']);
});
