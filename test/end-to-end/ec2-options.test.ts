// Ways to run the command line with the EC2 provider on a real control plane: whose pods it binds, two
// replicas, an API server that is away; and what the doctor says of it all.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { SYSTEM_UNDER_TEST } from '../control-plane/control-plane.ts';
import { collectionPath, findObject, readManifests } from '../manifests/read-manifests.ts';
import {
  checkEc2Promises,
  type Ec2Stage,
  openTestEc2Stage,
  untilNodeClassReady,
} from './ec2-stage.ts';
import { deployment, deploymentsPath, nodePool, nodePoolsPath } from './sample-objects.ts';
import { isRunning, podsOf, untilEmpty, untilPods } from './scenario.ts';
import { clusterName, deadlineMs } from './scene.ts';
import type { ServeProcess } from './serve-command.ts';

const replicas = 5;
/** One fills a node: a pod that comes late is planned a node of its own, and not left to what opens. */
const podCpu = '2900m';
const types = ['m7i.xlarge', 'm6i.xlarge', 'c7i.xlarge', 'r7i.xlarge'];
/** What fits on nodes that are there is bound by its scheduler: so each has nodes of its own. */
const pools = { theirs: { whose: 'theirs' }, ours: { whose: 'ours' }, alone: { whose: 'alone' } };
const binding = 'POST pods/binding';
const main = join(import.meta.dirname, '../../extender/cli/main.ts');
const run = promisify(execFile);
const doctorMs = 60_000;

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('ways to run the command line', { skip: reason ?? false }, async (t) => {
  const stage = await openTestEc2Stage(t);
  const { client } = stage.plane;
  const own = await stage.startServe('stowage-own', ['--bind=own'], { isGated: true });
  const second = await stage.startServe('stowage-second', ['--bind=own']);
  await untilNodeClassReady(stage);
  for (const [name, labels] of Object.entries(pools)) {
    await client.expect('POST', nodePoolsPath, nodePool(name, { instanceTypes: types, labels }));
  }
  await stage.startScheduler('stowage-scheduler', own.extenderUrl);
  await t.test('--bind=own binds the pods of our profile and no others', async (t) =>
    checkOwn(t, stage),
  );
  await t.test('a replica that does not lead answers the scheduler', async (t) =>
    checkSecond(t, stage, [own, second]),
  );
  await t.test('the doctor finds nothing that is broken', async (t) => checkDoctor(t, stage));
  await t.test('while the API server is away it stays ready and answers', async (t) =>
    checkOutage(t, stage, second),
  );
  for (const { component } of [second, own]) await component.stop();
  t.strictSame(
    [own, second].map(({ component }) => component.lastEnd),
    [0, 0],
    'exit codes',
  );
  await stage.startServe('stowage-none', ['--bind=none'], { isGated: true });
  await t.test('--bind=none leaves all of them to kube-scheduler', async (t) =>
    checkNone(t, stage),
  );
  await t.test('nothing is left', async () => {
    await client.expect('DELETE', deploymentsPath);
    await untilEmpty(stage);
  });
  checkEc2Promises(t, stage);
});

async function deploy(
  stage: Ec2Stage,
  name: keyof typeof pools,
  schedulerName: string,
): Promise<void> {
  const options = { cpu: podCpu, schedulerName, nodeSelector: pools[name] };
  const object = deployment(name, replicas, options);
  await stage.plane.client.expect('POST', deploymentsPath, object);
  await untilPods(stage, name, replicas, isRunning);
}

async function checkOwn(t: Test, stage: Ec2Stage): Promise<void> {
  const { apiCalls } = stage;
  await deploy(stage, 'theirs', 'default-scheduler');
  t.equal(apiCalls.get(binding) ?? 0, 0, 'the default scheduler binds its own');
  await deploy(stage, 'ours', 'stowage');
  t.equal(apiCalls.get(binding), replicas, 'all bindings of our profile are ours');
}

async function checkNone(t: Test, stage: Ec2Stage): Promise<void> {
  const { apiCalls } = stage;
  const before = apiCalls.get(binding);
  await deploy(stage, 'alone', 'default-scheduler');
  t.equal(apiCalls.get(binding), before, 'we bound none');
}

async function checkSecond(
  t: Test,
  stage: Ec2Stage,
  [first, second]: readonly [ServeProcess, ServeProcess],
): Promise<void> {
  const leads = /^leader_election_master_status\{name="stowage-leader"\} 1$/m;
  t.match(await metricsOf(first), leads);
  t.notMatch(await metricsOf(second), leads);
  await checkVerbs(t, stage, second);
}

async function metricsOf({ operationsUrl }: ServeProcess): Promise<string> {
  return await (await fetch(`${operationsUrl}/metrics`)).text();
}

/** As kube-scheduler asks. */
async function checkVerbs(t: Test, stage: Ec2Stage, { extenderUrl }: ServeProcess): Promise<void> {
  const [pod] = podsOf(stage, 'ours');
  const names = [...stage.cluster.nodes.keys()];
  const ask = async (verb: string): Promise<unknown> => {
    const response = await fetch(`${extenderUrl}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ Pod: pod, Nodes: null, NodeNames: names }),
    });
    t.equal(response.status, 200, verb);
    return await response.json();
  };
  const filtered = (await ask('filter')) as Readonly<Record<string, unknown>>;
  const entries = Object.entries(filtered).map(([key, value]) => [key.toLowerCase(), value]);
  const { nodenames, failednodes, failedandunresolvablenodes } = Object.fromEntries(entries);
  const told: string[] = [
    (nodenames ?? []) as string[],
    ...[failednodes, failedandunresolvablenodes].map((some) => Object.keys(some ?? {})),
  ].flat();
  t.strictSame(told.toSorted(), names.toSorted(), 'every node is let through or refused');
  const priorities = (await ask('prioritize')) as readonly object[];
  t.equal(priorities.length, names.length);
}

async function checkDoctor(t: Test, { plane, cloud }: Ec2Stage): Promise<void> {
  const { endpoint, account } = cloud.wire;
  const configuration = findObject(await readManifests('deploy'), 'ConfigMap', 'stowage-scheduler');
  await plane.client.expect('POST', collectionPath(configuration), configuration);
  const words = [
    '--disable-warning=ExperimentalWarning',
    main,
    'doctor',
    `--kubeconfig=${plane.kubeconfigPath}`,
    `--cluster-name=${clusterName}`,
    `--endpoint=${endpoint}`,
    `--region=${account.region}`,
    `--interruption-queue=${clusterName}`,
    `--service-account=${SYSTEM_UNDER_TEST.user.split(':').slice(2).join('/')}`,
    '--output=json',
  ];
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    AWS_ACCESS_KEY_ID: 'any',
    AWS_SECRET_ACCESS_KEY: 'any',
  };
  const { stdout } = await run(process.execPath, words, { env, timeout: doctorMs });
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly {
      readonly level: string;
      readonly subject: string;
      readonly detail: string;
    }[];
  };
  t.strictSame(
    findings.filter(({ level }) => level !== 'ok'),
    [],
  );
  t.comment(findings.map(({ subject }) => subject).join(', '));
}

async function checkOutage(t: Test, stage: Ec2Stage, second: ServeProcess): Promise<void> {
  const { plane } = stage;
  await plane.apiServer.stop();
  for (const path of ['livez', 'readyz']) {
    const response = await fetch(`${second.operationsUrl}/${path}`);
    t.equal(response.status, 200, `${path}: ${(await response.text()).slice(0, 200)}`);
  }
  await checkVerbs(t, stage, second);
  await plane.apiServer.start();
  const { client } = plane;
  const scale = { spec: { replicas: 2 * replicas } };
  await client.expect('PATCH', `${deploymentsPath}/ours`, scale);
  await untilPods(stage, 'ours', 2 * replicas, isRunning);
  t.equal(second.component.restarts, 0);
}
