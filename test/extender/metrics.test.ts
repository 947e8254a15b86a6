/** The metrics against their documentation and the conventions of Prometheus. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { createMetrics } from '../../extender/metrics.ts';

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const document = await readFile(new URL('../../docs/METRICS.md', import.meta.url), 'utf8');
const byName = (a: Row, b: Row): number => (a.name < b.name ? -1 : 1);

function documented(): Row[] {
  const row = /^\| `(\w+)` \| (\w+) \| (.+?) \| (?:alpha|beta) \| (.+) \|$/gm;
  return [...document.matchAll(row)].map(([, name = '', type = '', labels = '', help = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    help,
  }));
}

function registered(): Row[] {
  const { registry } = createMetrics('test', { process: false });
  return registry.getMetricsAsArray().map((metric) => ({
    name: metric.name,
    type: metric.constructor.name.toLowerCase(),
    labels: 'labelNames' in metric ? (metric.labelNames as readonly string[]) : [],
    help: metric.help,
  }));
}

t.test('docs/METRICS.md lists every metric, and nothing else', async (t) => {
  t.strictSame(documented(), registered().toSorted(byName));
});

t.test('no metric is labelled with what has no bound', async (t) => {
  const unbounded = /^(pod|pod_?name|node|node_?name|name_?space|uid|message|instance_?id|owner)$/;
  for (const { name, labels } of registered()) {
    t.notOk(
      labels.some((label) => unbounded.test(label)),
      name,
    );
    t.match(name, /^(stowage|karpenter|operator)_|^leader_election_master_status$/);
  }
});

t.test('counters end in _total, and times are in seconds', async (t) => {
  for (const { name, type } of registered()) {
    const isCost = name === 'karpenter_nodepools_cost_total';
    t.equal(name.endsWith('_total'), type === 'counter' || isCost, name);
    t.notMatch(name, /_(ms|millis|milliseconds|minutes)(_|$)/);
  }
});

t.test('sets of metrics are independent of each other', async (t) => {
  const [one, other] = [createMetrics('a'), createMetrics('b')];
  one.extender.clientsRefused.inc();
  t.equal((await one.extender.clientsRefused.get()).values[0]?.value, 1);
  t.equal((await other.extender.clientsRefused.get()).values[0]?.value, 0);
  const text = await other.registry.metrics();
  t.match(text, /stowage_build_info\{version="b",node_version="v[0-9.]+"\} 1/);
  t.match(text, /nodejs_eventloop_lag_p99_seconds/);
});
