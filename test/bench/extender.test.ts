/** The benches of the extender on the smallest inputs, so that they still run when they are needed. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { ControlPlaneFile } from '../../bench/control-plane-result.ts';
import { captured, namesRequest, nodeNames, nodesRequest } from '../../bench/extender/requests.ts';
import { NodeTable } from '../../extender/node-table.ts';
import { decodeExtenderArgs } from '../../extender/wire.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';

const deadlineMs = 180_000;
const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 3 * deadlineMs);

async function run(program: string, args: readonly string[]): Promise<string> {
  const path = new URL(program, import.meta.url).pathname;
  const options = { timeout: deadlineMs };
  const flags = ['--disable-warning=ExperimentalWarning', path, ...args];
  return (await promisify(execFile)(process.execPath, flags, options)).stdout;
}

t.test('requests are made in any size, and the extender reads them', async (t) => {
  const names = nodeNames(500);
  t.equal(new Set(names).size, 500);
  t.strictSame(nodeNames(500), names, 'the same every time');
  for (const body of [
    namesRequest('filter', names),
    namesRequest('prioritize', names),
    nodesRequest(names),
  ]) {
    const { pod, names: read } = decodeExtenderArgs(body, new NodeTable());
    t.equal(read.count, 500);
    t.match(pod.name, /^storefront-/);
  }
});

t.test('the verbs are measured over every transport', async (t) => {
  const output = await run('../../bench/extender.ts', [
    '--names',
    '50',
    '--calls',
    '3',
    '--load',
    'idle',
    '--out',
    t.testdir(),
  ]);
  t.match(output, /50 names: [0-9]+ bytes, sha256 [0-9a-f]{16}/);
  for (const transport of ['http/1.1', 'h2+mTLS', 'node:http']) {
    const row = output.split('\n').filter((line) => line.includes(transport));
    t.equal(row.length, 2, transport);
    t.notOk(
      row.some((line) => / 0\.000 /.test(line)),
      'nothing takes no time',
    );
  }
});

t.test('wrong options are answered with a sentence', async (t) => {
  const failure = await run('../../bench/extender.ts', ['--names', 'many']).catch(
    (error: unknown) => error as { code: number; stderr: string },
  );
  t.match(failure, { code: 1, stderr: '--names: expected an integer from 1 to 100000' });
});

t.test(
  'a real scheduler is measured with and without extenders',
  { skip: reason ?? false },
  async (t) => {
    const options = '--nodes 4 --pods 8 --rounds 1 --load-pods 20 --calls 5 --out'.split(' ');
    const output = await run('../../bench/control-plane.ts', [...options, t.testdir()]);
    for (const variant of ['none', 'echo', 'ours', 'marked']) {
      t.match(output, new RegExp(`round 1  ${variant} +[0-9.]+ pods/s`));
    }
    t.match(output, /ours: [0-9.]+ % of doing nothing, [0-9.]+ % of none/);
    const path = join(t.testdirName, 'control-plane-4.json');
    const { throughput, loaded } = JSON.parse(await readFile(path, 'utf8')) as ControlPlaneFile;
    t.equal(throughput[0]?.rates.marked.length, 1);
    t.ok((loaded?.memoryMiB[2] ?? 0) > 50, 'a process of Node.js takes more');
  },
);

t.test(
  'what was recorded is what a scheduler sends today',
  { skip: reason ?? false },
  async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'stowage-capture-'));
    t.teardown(async () => await rm(directory, { recursive: true }));
    const file = join(directory, 'requests.json');
    await run('../../bench/extender/capture.ts', [file]);
    const today = JSON.parse(await readFile(file, 'utf8'));
    t.equal(today.kubernetes, captured.kubernetes);
    for (const body of ['filterNames', 'prioritizeNames', 'filterNodes'] as const) {
      t.strictSame(shapeOf(JSON.parse(today[body])), shapeOf(JSON.parse(captured[body])), body);
    }
  },
);

/** Keys and types without values, and without who wrote which field, which is never twice the same. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    return [...new Set(value.map((one) => JSON.stringify(shapeOf(one))))].toSorted();
  }
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  const fields = Object.entries(value).filter(([key]) => key !== 'managedFields');
  return Object.fromEntries(fields.map(([key, one]) => [key, shapeOf(one)]));
}
