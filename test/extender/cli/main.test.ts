/** The command as users run it: a process of its own, real files, real solver, no network. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Plan } from '../../../core/packing/plan.ts';

const main = fileURLToPath(new URL('../../../extender/cli/main.ts', import.meta.url));

/** Runs `stowage` with these words and this standard input. */
async function stowage(words: readonly string[], input = '') {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  child.stdin.end(input);
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { stdout, stderr, code };
}

const pods = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 12
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: web, image: web, resources: { requests: { cpu: 700m, memory: 1200Mi } } }
`;
const giant = `
---
apiVersion: v1
kind: Pod
metadata: { name: giant, namespace: shop }
spec:
  containers:
    - { name: giant, image: giant, resources: { requests: { cpu: 5000 } } }
`;
const quick = ['--time-limit', '2s', '--threads', '1'];

t.test('pods from standard input become a plan that verify accepts', async (t) => {
  const folder = t.testdir({ 'pods.yaml': pods });
  const plan = await stowage(['plan', '-f', '-', '-o', 'json', ...quick], pods);
  t.equal(plan.code, 0, plan.stderr);
  t.equal(plan.stderr, '');
  const value = JSON.parse(plan.stdout) as Plan;
  const placed = value.nodes.flatMap((node) => node.pods);
  const expected = Array.from({ length: 12 }, (_, index) => `shop/web-${index}`);
  t.strictSame(placed.toSorted(), expected.toSorted());
  t.ok(value.cost.perHour > 0 && value.cost.lowerBound <= value.cost.perHour);

  const verdict = await stowage(['verify', '-f', `${folder}/pods.yaml`, '-'], plan.stdout);
  t.equal(verdict.code, 0, verdict.stdout + verdict.stderr);
  t.match(verdict.stdout, /^The plan holds: 12 pods accounted for/);

  const cheaper = plan.stdout.replace(/"perHour":[^,]+/, '"perHour":0.01');
  const refused = await stowage(['verify', '-f', `${folder}/pods.yaml`, '-'], cheaper);
  t.equal(refused.code, 1);
  t.match(refused.stdout, /^The plan does not hold\.\ncost-mismatch: Plan: /);
});

t.test('a pod without a place is told and makes the exit code 2', async (t) => {
  const { stdout, code } = await stowage(['plan', '-f', '-', ...quick], pods + giant);
  t.equal(code, 2);
  t.match(stdout, /12 pods on \d+ new nodes?, 1 pod without a place/);
  t.match(stdout, 'shop/giant');
});

t.test('a page goes to the file that was named, and nothing to standard output', async (t) => {
  const file = `${t.testdir({})}/plan.html`;
  const words = ['plan', '-f', '-', '-o', 'html', '--out', file, ...quick];
  const { stdout, code } = await stowage(words, pods);
  t.equal(code, 0);
  t.equal(stdout, '');
  t.match(readFileSync(file, 'utf8'), /^<!doctype html>[^]*shop\/web/);
});

t.test('nothing to place is a plan, too', async (t) => {
  const { stdout, code } = await stowage(['plan', '-f', '-', '-o', 'json', ...quick], '');
  t.equal(code, 0);
  const { nodes, cost } = JSON.parse(stdout) as Plan;
  t.strictSame(nodes, []);
  t.match(cost, { perHour: 0, lowerBound: 0, gap: 0, proof: 'optimal' });
});

t.test('wrong input is told on standard error with exit code 1', async (t) => {
  const wrong = pods.replace('replicas: 12', 'replicas: many');
  const { stdout, stderr, code } = await stowage(['plan', '-f', '-', ...quick], wrong);
  t.equal(code, 1);
  t.equal(stdout, '');
  t.match(stderr, /^error: .*Deployment shop\/web: spec\.replicas: expected .*found "many"/);
});

t.test('plan and manifests from the same standard input are refused', async (t) => {
  const { stderr, code } = await stowage(['verify', '-f', '-', '-'], pods);
  t.equal(code, 1);
  t.match(stderr, 'cannot both be standard input');
});

t.test('instance types are listed as JSON', async (t) => {
  const { stdout, code } = await stowage(['instance-types', '-o', 'json']);
  t.equal(code, 0);
  const types = JSON.parse(stdout) as { name: string }[];
  t.ok(types.some(({ name }) => name === 'm5.large'));
});

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  t.equal((await stowage(['--version'])).stdout, `${version}\n`);
});
