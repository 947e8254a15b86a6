/** How anti-affinity and host ports enter the problem. */
import t from 'tap';
import {
  antiAffinity,
  daemonSetOf,
  hostKey,
  nodeOf,
  podsOf,
  poolOf,
  specOf,
  spreadOver,
  zoneKey,
} from '../../support/cluster-builders.ts';
import { byZone, countsBy, planOf, sortedCounts } from '../../support/model-plan.ts';

const small = { cpu: '100m', memory: '64Mi' };
const db = { app: 'db' };
const running = { phase: 'Running' };

/** Pods that keep away from pods of `app` (themselves unless told) over a key. */
function apart(name: string, count: number, topologyKey: string, app = name) {
  return podsOf(name, count, specOf(small, { affinity: antiAffinity(topologyKey, { app }) }));
}

t.test('hostname anti-affinity gives every pod its own node', async (t) => {
  const plan = planOf({ pods: apart('db', 4, hostKey) });
  t.equal(plan.bins.length, 4);
  t.strictSame(plan.model.problem.masks.slice(0, 1), Uint16Array.of(1));
});

t.test(
  'pods that are named without naming back stay off the nodes of those who name them',
  async (t) => {
    const plan = planOf({
      pods: [...apart('web', 3, hostKey, 'db'), ...podsOf('db', 3, specOf(small))],
    });
    for (const bin of plan.bins) {
      t.equal(new Set(bin.pods.map((name) => name.slice(0, 2))).size, 1, bin.pods.join());
    }
    t.ok(plan.model.problem.conflicts.length > 0);
  },
);

t.test('one rule over several families is one quota of a node', async (t) => {
  const affinity = antiAffinity(hostKey, db);
  const pods = [
    ...podsOf('x', 2, specOf(small, { affinity }), { labels: db }),
    ...podsOf('y', 2, specOf({ cpu: '200m' }, { affinity }), { labels: db }),
  ];
  const plan = planOf({ pods });
  t.equal(plan.bins.length, 4);
  t.equal(plan.model.problem.resourceNames.length, 5);
  t.equal(plan.model.problem.conflicts.length, 0);
});

t.test('more quotas than dimensions become pairs, with the same effect', async (t) => {
  const pods = Array.from({ length: 15 }, (_, group) => {
    const labels = { app: `g${group}` };
    const affinity = antiAffinity(hostKey, labels);
    return [
      ...podsOf(`g${group}x`, 1, specOf(small, { affinity }), { labels }),
      ...podsOf(`g${group}y`, 1, specOf({ cpu: '50m' }, { affinity }), { labels }),
    ];
  }).flat();
  const plan = planOf({ pods });
  t.equal(plan.model.problem.resourceNames.length, 4 + 12);
  t.equal(plan.model.problem.conflicts.length, 2 * 3);
  for (const bin of plan.bins) {
    const groups = bin.pods.map((name) => name.replace(/[xy]-0$/, ''));
    t.equal(new Set(groups).size, groups.length, bin.pods.join());
  }
});

t.test('bound pods keep away from whom they name, and whom names them', async (t) => {
  const nodes = [nodeOf('n1'), nodeOf('n2')];
  const named = podsOf('db', 1, specOf(small), { ...running, nodeName: 'n1' });
  const naming = apart('old', 1, hostKey, 'web').map((pod) => ({
    ...pod,
    ...running,
    nodeName: 'n2',
  }));
  const plan = planOf({ nodes, pods: [...apart('web', 1, hostKey, 'db'), ...named, ...naming] });
  t.equal(plan.bins.length, 1);
  t.equal(plan.bins[0]!.node, '', 'neither existing node may take it');
});

t.test('zonal anti-affinity uses each zone once, and the rest stays pending', async (t) => {
  const plan = planOf({ pods: apart('db', 4, zoneKey) });
  t.strictSame(sortedCounts(countsBy(plan, 'db', byZone)), [1, 1, 1]);
  t.match(plan.reasons['default/db-3'], /anti-affinity over .*zone leaves room for 3 of 4 pods/);
});

t.test('zones where a named pod stands are closed', async (t) => {
  const zones = ['test-1a', 'test-1b', 'test-1c'];
  const nodes = zones.map((zone) => nodeOf(zone, { zone, allocatable: { cpu: '1' } }));
  const standing = (count: number) =>
    zones
      .slice(0, count)
      .flatMap((nodeName) =>
        podsOf(`old-${nodeName}`, 1, specOf({ cpu: '1' }), { ...running, nodeName, labels: db }),
      );
  const one = planOf({ nodes, pods: [...apart('db', 2, zoneKey), ...standing(2)] });
  t.strictSame(countsBy(one, 'db', byZone), { 'test-1c': 1 });
  const none = planOf({ nodes, pods: [...apart('db', 1, zoneKey), ...standing(3)] });
  t.match(none.reasons['default/db-0'], /anti-affinity over .*zone leaves no domain open/);
});

t.test('a bound pod with zonal anti-affinity keeps newcomers out of its zone', async (t) => {
  const nodes = [nodeOf('n', { zone: 'test-1a' })];
  const old = apart('old', 1, zoneKey, 'web').map((pod) => ({ ...pod, ...running, nodeName: 'n' }));
  const plan = planOf({
    nodes,
    pods: [...podsOf('web', 2, specOf(small)), ...old],
    nodePools: [
      poolOf('two', {
        requirements: [{ key: zoneKey, operator: 'In', values: ['test-1a', 'test-1b'] }],
      }),
    ],
  });
  t.strictSame(countsBy(plan, 'web', byZone), { 'test-1b': 2 });
});

t.test(
  'pods that may not meet in a zone get zones of their own, which no bound assumes',
  async (t) => {
    const plan = planOf({
      pods: [...apart('web', 2, zoneKey, 'db'), ...podsOf('db', 5, specOf(small))],
    });
    const web = Object.keys(countsBy(plan, 'web', byZone));
    const other = Object.keys(countsBy(plan, 'db', byZone));
    t.ok(web.length > 0 && other.length > 0);
    t.ok(web.every((zone) => !other.includes(zone)));
    t.notSame(plan.model.problem.masks, plan.model.problem.boundMasks);
  },
);

t.test('namespaces decide whom a rule names', async (t) => {
  const term = (more: object) => ({
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: hostKey, labelSelector: { matchLabels: db }, ...more },
      ],
    },
  });
  const nodesFor = (more: object) => {
    const web = podsOf('web', 1, specOf(small, { affinity: term(more) }));
    const other = podsOf('db', 1, specOf(small), { namespace: 'data' });
    const namespaceLabels = new Map([['data', { tier: 'store' }]]);
    return planOf({ pods: [...web, ...other], namespaceLabels }).bins.length;
  };
  t.equal(nodesFor({}), 1, 'own namespace only');
  t.equal(nodesFor({ namespaces: ['data'] }), 2);
  t.equal(nodesFor({ namespaceSelector: {} }), 2, 'all namespaces');
  t.equal(nodesFor({ namespaceSelector: { matchLabels: { tier: 'store' } } }), 2);
  t.equal(nodesFor({ namespaceSelector: { matchLabels: { tier: 'web' } } }), 1);
});

t.test(
  'a host port is held once on a node, whatever the family, address wildcards included',
  async (t) => {
    const port = (hostPort: number, hostIP?: string, protocol?: 'UDP') =>
      specOf(small, {
        ports: [
          {
            containerPort: 80,
            hostPort,
            ...(hostIP === undefined ? {} : { hostIP }),
            ...(protocol === undefined ? {} : { protocol }),
          },
        ],
      });
    const bins = (...specs: ReturnType<typeof port>[]) =>
      planOf({ pods: specs.flatMap((spec, at) => podsOf(`p${at}`, 1, spec)) }).bins.length;
    t.equal(planOf({ pods: podsOf('p', 3, port(80)) }).bins.length, 3);
    t.equal(bins(port(80), port(81)), 1);
    t.equal(bins(port(80), port(80, undefined, 'UDP')), 1);
    t.equal(bins(port(80), port(80, '10.0.0.1')), 2);
    t.equal(bins(port(80, '10.0.0.2'), port(80, '10.0.0.1')), 1);
    t.equal(bins(port(80, '10.0.0.2'), port(80, '10.0.0.1'), port(80, '::')), 2);
  },
);

t.test('ports of DaemonSets and of bound pods are taken', async (t) => {
  const spec = specOf(small, { ports: [{ containerPort: 80, hostPort: 80 }] });
  const blocked = planOf({ pods: podsOf('p', 1, spec), daemonSets: [daemonSetOf('agent', spec)] });
  t.match(blocked.reasons['default/p-0'], /6 excluded by host ports/);
  const bound = podsOf('old', 1, spec, { ...running, nodeName: 'n' });
  const beside = planOf({ pods: [...podsOf('p', 1, spec), ...bound], nodes: [nodeOf('n')] });
  t.equal(beside.bins[0]!.node, '');
});

t.test('rules look at the pods of DaemonSets that will run on a node', async (t) => {
  const agent = daemonSetOf('agent', specOf(small));
  const away = podsOf(
    'web',
    1,
    specOf(small, {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              topologyKey: hostKey,
              labelSelector: { matchLabels: { app: 'agent' } },
              namespaces: ['kube-system'],
            },
          ],
        },
      },
    }),
  );
  const plan = planOf({ pods: away, daemonSets: [agent] });
  t.match(plan.reasons['default/web-0'], /excluded by anti-affinity with pods on the node/);
});

t.test('hostname spread leaves room for what stands there already', async (t) => {
  const labels = { app: 'web' };
  const bound = podsOf('old', 1, specOf(small), { ...running, nodeName: 'n', labels });
  const constraint = spreadOver(hostKey, labels, { maxSkew: 2 });
  const pods = podsOf('web', 3, specOf(small, { topologySpreadConstraints: [constraint] }));
  const plan = planOf({ pods: [...pods, ...bound], nodes: [nodeOf('n')] });
  t.strictSame(
    countsBy(plan, 'web', ({ node }) => node),
    { n: 1, '': 2 },
  );
});
