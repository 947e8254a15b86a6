// Launching together, on every cloud that there is: the simulated one, the same one across a
// process's border, and EC2's wire.

import t, { type Test } from 'tap';
import type { CloudProvider, LaunchOutcome, LaunchRequest } from '../../core/cloud-port.ts';
import { tagLaunch } from '../../core/lifecycle/launch-request.ts';
import { startCloudServer } from '../end-to-end/cloud-server.ts';
import { createRemoteCloud } from '../end-to-end/remote-cloud.ts';
import { claimWorld, onDemand } from '../support/claim-world.ts';
import { startEc2World } from '../support/ec2-cloud.ts';

/** Real time; a busy machine needs a multiple of the seconds that it takes. */
t.setTimeout(180_000);

interface Scene {
  /** A cloud as a new process sees it. */
  cloud(): CloudProvider;
  /** For a claim of that UID alone. */
  single(uid: string): LaunchRequest;
  /** Instances that were ever launched. */
  launched(): number;
  /** CreateFleet answers nobody so many times, though it launches. */
  loseAnswers(times: number): void;
}

const many = 1_000;
const token = 'group-1-000000000000-aaaaaa';

function groupOf(scene: Scene, size: number): readonly LaunchRequest[] {
  const { tags, ...rest } = scene.single('any');
  const common = Object.entries(tags).filter(([key]) => !key.includes('nodeclaim'));
  return Array.from({ length: size }, (_, index) => ({
    ...rest,
    clientToken: token,
    place: { size, index },
    nodeClaimName: `claim-${index}`,
    tags: Object.fromEntries(common),
  }));
}

function idOf(outcome: LaunchOutcome | undefined): string {
  if (outcome === undefined) return 'nothing';
  return outcome.outcome === 'launched' ? outcome.instance.providerID : outcome.failure;
}

async function launchAll(
  cloud: CloudProvider,
  requests: readonly LaunchRequest[],
): Promise<string[]> {
  return await Promise.all(requests.map(async (one) => idOf(await cloud.launch(one))));
}

async function checkContract(t: Test, scene: Scene): Promise<void> {
  const requests = groupOf(scene, 6);
  scene.loseAnswers(many);
  const first = scene.cloud();
  const lost = await launchAll(first, requests);
  t.strictSame(new Set(lost), new Set(['unavailable']), 'all hear of a lost answer');
  scene.loseAnswers(0);
  const again = await launchAll(first, requests.slice(0, 4));
  const others = await launchAll(scene.cloud(), requests.slice(4));
  const ids = [...again, ...others];
  t.equal(new Set(ids).size, 6, 'each place has an instance');
  t.equal(scene.launched(), 6, 'and nobody else has one');
  t.strictSame(await launchAll(scene.cloud(), requests.toReversed()), ids.toReversed());

  const listed = await first.list();
  t.strictSame(new Set(listed.map(({ providerID }) => providerID)), new Set(ids), 'they are ours');
  for (const { tags } of listed) {
    t.ok(tags[tagLaunch]?.startsWith(`${token}-`), 'and say which launch they are of');
    t.equal(tags['Name'], undefined, 'and not whose they are');
  }
  const [id = ''] = ids;
  await first.tag(id, { Name: 'claim-0' });
  await first.tag(id, { Name: 'claim-0' });
  const tagged = await first.get(id);
  t.equal(tagged?.tags['Name'], 'claim-0');
  t.ok(tagged?.tags[tagLaunch], 'other tags stay');

  const alone = await first.launch(scene.single('uid-7'));
  t.equal(alone.outcome, 'launched');
  const single = alone.outcome === 'launched' ? alone.instance.tags : {};
  t.equal(single[tagLaunch], undefined, 'who is alone has its name from the start');
  t.ok(single['Name']);
}

function simulatedScene(t: Test) {
  let lost = 0;
  let processes = 0;
  const faults = {
    on: (action: string) =>
      action === 'CreateFleet' && lost-- > 0 ? ({ type: 'lose-answer' } as const) : undefined,
  };
  const w = claimWorld('contract', { ec2: { faults, isConsistent: true } });
  const end = new AbortController();
  const paced = w.clock.pace({ speed: 100, signal: end.signal });
  t.teardown(async () => {
    end.abort(new Error('the test is over'));
    await paced;
  });
  const nodeClass = w.cluster.get('EC2NodeClass', { name: 'default' });
  if (nodeClass === undefined) throw new Error('there is no node class');
  const scene: Scene = {
    cloud: () => w.startProcess(`process-${++processes}`).cloud,
    single: (uid) => ({
      clientToken: uid,
      nodeClaimName: `claim-${uid}`,
      nodePoolName: 'general',
      nodeClass,
      offerings: onDemand('m7i.2xlarge'),
      tags: { 'karpenter.sh/nodeclaim': `claim-${uid}`, 'stowage.dev/nodeclaim-uid': uid },
      labels: {},
      taints: [],
    }),
    launched: () => w.engine.instances.size,
    loseAnswers: (times) => {
      lost = times;
    },
  };
  return scene;
}

t.test('the simulated cloud', async (t) => {
  await checkContract(t, simulatedScene(t));
});

t.test('the simulated cloud across a border', async (t) => {
  const inner = simulatedScene(t);
  const server = await startCloudServer(inner.cloud());
  const remote = createRemoteCloud(server.url);
  t.teardown(async () => {
    remote.close();
    await server.close();
  });
  await checkContract(t, { ...inner, cloud: () => remote });
});

t.test("EC2's wire", async (t) => {
  const ec2 = await startEc2World({ ec2: { isConsistent: true } });
  t.teardown(ec2.close);
  let providers = 0;
  await checkContract(t, {
    cloud: () => ec2.provider(`provider-${++providers}`).cloud,
    single: (uid) => ec2.request(uid, ['m5.large/a/on-demand', 'c5.large/b/on-demand']),
    launched: () => ec2.world.engine.instances.size,
    loseAnswers: (times) => {
      ec2.world.faults.clear();
      if (times === 0) return;
      ec2.world.faults.add({ action: 'ec2:CreateFleet', fault: { type: 'lose-answer' }, times });
    },
  });
});
