// Claims that want the same are launched by one call, and each gets its own instance, once.

import t, { type Test } from 'tap';
import { isTrue } from '../../../../core/api/conditions.ts';
import { launchRecordOf } from '../../../../core/lifecycle/launch-record.ts';
import { ClusterError } from '../../../../core/ports.ts';
import type { ControllerContext } from '../../../../extender/controllers/context.ts';
import type { Ec2Fault } from '../../../../sim/ec2-types.ts';
import type { ApiCall, ApiFault } from '../../../../sim/faults.ts';
import {
  type ClaimWorld,
  claimControllers,
  claimWorld,
  draftClaim,
  onDemand,
} from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;
t.setTimeout(600_000);
const names = ['a', 'b', 'c', 'd'];

function createClaims(w: ClaimWorld, claimNames: readonly string[] = names): void {
  for (const name of claimNames) w.cluster.create('NodeClaim', draftClaim(name));
}

/** Counts CreateFleet; faults come one after the other, then none. */
function fleetCalls(faults: (Ec2Fault | undefined)[] = []) {
  const calls: string[] = [];
  return {
    of: (name: string) => calls.filter((one) => one === name).length,
    on: (action: string): Ec2Fault | undefined => {
      calls.push(action);
      return action === 'CreateFleet' ? faults.shift() : undefined;
    },
  };
}

function providerIDs(w: ClaimWorld): readonly string[] {
  return [...w.cluster.all('NodeClaim')].flatMap(({ status }) => status?.providerID ?? []);
}

/** Claims that are ready, their instances, what was ever launched and what is left of it. */
function outcomeOf(w: ClaimWorld): string {
  const claims = [...w.cluster.all('NodeClaim')];
  const ready = claims.filter((claim) => isTrue(claim, 'Ready'));
  const own = new Set(providerIDs(w));
  return `${ready.map(({ metadata }) => metadata.name).join('')}: ${own.size} ids, ${w.engine.instances.size} launched, ${w.living()} alive, ${w.cluster.count('Node')} nodes, ${w.invariants.violations.length} violations`;
}

const good = 'abcd: 4 ids, 4 launched, 4 alive, 4 nodes, 0 violations';

/** Every living instance carries the name of the claim that knows it. */
function checkTags(t: Test, w: ClaimWorld, message: string): void {
  const wrong = [...w.engine.instances.values()].filter(({ instanceId, state, tags }) => {
    if (state !== 'running' && state !== 'pending') return false;
    const claim = w.claim(tags['karpenter.sh/nodeclaim'] ?? '');
    return (
      claim?.status?.providerID?.endsWith(instanceId) !== true ||
      tags['stowage.dev/nodeclaim-uid'] !== claim.metadata.uid ||
      tags['Name'] !== claim.metadata.name
    );
  });
  t.strictSame(wrong, [], message);
}

t.test('a burst of a hundred claims is a handful of calls, and each has an instance', async (t) => {
  const calls = fleetCalls();
  const w = claimWorld('burst', { ec2: { faults: calls, isConsistent: true } });
  const process = await startControllers(w, 'one', { start: claimControllers });
  const claims = Array.from({ length: 100 }, (_, index) => `claim-${index}`);
  createClaims(w, claims);
  await w.clock.advance(5_000);
  t.ok(calls.of('CreateFleet') < 5, `${calls.of('CreateFleet')} calls`);
  t.comment(`${calls.of('CreateFleet')} CreateFleet calls for 100 claims`);
  t.equal(w.engine.instances.size, 100);
  t.equal(new Set(providerIDs(w)).size, 100);
  t.equal(calls.of('CreateTags'), 0, 'names are not on the way');
  await w.clock.advance(2 * minute);
  checkTags(t, w, 'and then each has its name');
  t.equal(calls.of('CreateTags'), 100, 'once');
  t.strictSame(process.failures, []);
  t.strictSame(w.invariants.violations, []);
});

t.test('only what is the same is launched together', async (t) => {
  const calls = fleetCalls();
  const w = claimWorld('kinds', { ec2: { faults: calls } });
  await startControllers(w, 'one', { start: claimControllers });
  createClaims(w, ['a', 'b']);
  w.cluster.create('NodeClaim', draftClaim('c', { offerings: onDemand('c7i.2xlarge') }));
  w.cluster.create('NodeClaim', draftClaim('d', { labels: { team: 'blue' } }));
  await w.clock.advance(3 * minute);
  t.equal(outcomeOf(w), good);
  t.equal(calls.of('CreateFleet'), 3);
  const groups = names.map((name) => launchRecordOf(w.claim(name)?.metadata.annotations)?.group);
  t.match(groups.slice(0, 2), [
    { size: 2, index: 0, leader: 'a' },
    { size: 2, index: 1, leader: 'a' },
  ]);
  t.strictSame(groups.slice(2), [undefined, undefined]);
});

t.test(
  'where there is not enough for all, the first ones get it, and the others learn why',
  async (t) => {
    // Eight each.
    const w = claimWorld('partial', { ec2: { quotaVcpu: 24 } });
    const process = await startControllers(w, 'one', { start: claimControllers });
    const requirements = [
      { key: 'karpenter.sh/capacity-type', operator: 'In' as const, values: ['on-demand'] },
    ];
    for (const name of names) {
      w.cluster.create('NodeClaim', draftClaim(name, { spec: { requirements } }));
    }
    await w.clock.advance(3 * minute);
    t.equal(outcomeOf(w), 'abc: 3 ids, 3 launched, 3 alive, 3 nodes, 0 violations');
    t.equal(w.claim('d'), undefined);
    t.match(
      process.events.filter(({ kind }) => kind === 'NodeClaim').map(({ name }) => name),
      ['d', 'd'],
    );
    checkTags(t, w, 'names');
  },
);

t.test('lost answers and refusals end in one instance for each', async (t) => {
  const calls = fleetCalls([
    { type: 'lose-answer' },
    { type: 'refuse', code: 'RequestLimitExceeded' },
    { type: 'lose-answer' },
    { type: 'refuse', code: 'InternalError' },
  ]);
  const w = claimWorld('lost', { ec2: { faults: calls } });
  await startControllers(w, 'one', { start: claimControllers });
  createClaims(w);
  await w.clock.advance(4 * minute);
  t.equal(outcomeOf(w), good);
  t.ok(calls.of('CreateFleet') <= 8, `${calls.of('CreateFleet')} calls`);
});

for (const type of ['refuse', 'lose-request', 'lose-answer'] as const) {
  t.test(`a record that is not written harms nobody: ${type}`, async (t) => {
    for (const number of [1, 2, 4]) {
      const calls = fleetCalls();
      const w = claimWorld(`${type} ${number}`, { ec2: { faults: calls } });
      let patches = 0;
      const error = new ClusterError('Conflict', 'somebody was faster');
      const on = (call: ApiCall): ApiFault | undefined => {
        if (!isClaimPatch(call) || ++patches !== number) return undefined;
        return type === 'refuse' ? { type, error } : { type };
      };
      await startControllers(w, 'one', { start: claimControllers, faults: { on } });
      createClaims(w);
      await w.clock.advance(3 * minute);
      t.equal(outcomeOf(w), good, `write ${number}`);
      t.ok(calls.of('CreateFleet') <= 2, 'those that are left go together');
    }
  });
}

function isClaimPatch({ kind, verb }: ApiCall): boolean {
  return kind === 'NodeClaim' && verb === 'patch';
}

/** Kills the process before or after its n-th call of the cloud's method. */
function dyingAt(
  method: 'launch' | 'tag' | 'list' | 'terminate',
  number: number,
  moment: 'before' | 'after',
  kill: () => void,
) {
  return (context: ControllerContext) => {
    let calls = 0;
    const dying = async (...args: unknown[]): Promise<unknown> => {
      calls += 1;
      const isHere = calls === number;
      const real = context.cloud[method] as (...all: unknown[]) => Promise<unknown>;
      if (isHere && moment === 'before') {
        kill();
        return await new Promise(() => undefined);
      }
      const answer = await real(...args);
      if (!isHere) return answer;
      kill();
      return await new Promise(() => undefined);
    };
    const cloud = { ...context.cloud, [method]: dying };
    return claimControllers({ ...context, cloud });
  };
}

interface Death {
  readonly title: string;
  readonly w: ClaimWorld;
  /** Starts the process that dies; says whether it has died. */
  readonly run: () => Promise<boolean>;
}

/** Deaths at each write of a record, of labels and status, at each launch, list and tag. */
function* deaths(): Generator<Death> {
  for (const moment of ['before', 'after'] as const) {
    for (let number = 1; number <= 3 * names.length; number += 1) {
      const title = `${moment} patch ${number}`;
      const w = claimWorld('death', { ec2: { isConsistent: true } });
      let patches = 0;
      const matches = (call: ApiCall): boolean => isClaimPatch(call) && ++patches === number;
      yield {
        title,
        w,
        run: async () => {
          const crashPoint = { moment, matches };
          const one = await startControllers(w, 'one', { start: claimControllers, crashPoint });
          createClaims(w);
          await w.clock.advance(20_000);
          return !one.ports.process.isAlive;
        },
      };
    }
    for (const [method, numbers] of [
      ['launch', [1, 3]],
      ['list', [2]],
      ['tag', [1, 3]],
    ] as const) {
      for (const number of numbers) {
        const w = claimWorld('death', { ec2: { isConsistent: true } });
        yield {
          title: `${moment} ${method} ${number}`,
          w,
          run: async () => {
            const end: { kill?: () => void } = {};
            const start = dyingAt(method, number, moment, () => end.kill?.());
            const one = await startControllers(w, 'one', { start });
            end.kill = () => one.ports.process.kill();
            createClaims(w);
            await w.clock.advance(20_000);
            return !one.ports.process.isAlive;
          },
        };
      }
    }
  }
}

t.test('a process that dies at any step leaves one instance for each claim', async (t) => {
  for (const { title, w, run } of deaths()) {
    t.ok(await run(), `${title} came about`);
    const second = await startControllers(w, 'two', { start: claimControllers });
    await w.clock.advance(4 * minute);
    t.equal(outcomeOf(w), good, title);
    checkTags(t, w, title);
    t.strictSame(second.failures, [], title);
  }
});

t.test('claims that go while nobody looks take their instances along, no others', async (t) => {
  for (const gone of [['a'], ['b'], ['a', 'd']]) {
    for (const [moment, number] of [
      ['after', 4],
      ['before', 5],
      ['after', 7],
    ] as const) {
      const title = `${gone.join()} deleted, ${moment} patch ${number}`;
      const w = claimWorld('gone', { ec2: { isConsistent: true } });
      let patches = 0;
      const matches = (call: ApiCall): boolean => isClaimPatch(call) && ++patches === number;
      const crashPoint = { moment, matches };
      const one = await startControllers(w, 'one', { start: claimControllers, crashPoint });
      createClaims(w);
      await w.clock.advance(5_000);
      t.equal(one.ports.process.isAlive, false, title);
      const { client } = w.startProcess('somebody');
      for (const name of gone) await w.clock.settle(client.delete('NodeClaim', { name }));
      const second = await startControllers(w, 'two', { start: claimControllers });
      const left = names.filter((name) => !gone.includes(name));
      await w.clock.advance(15_000);
      t.ok(w.living() <= left.length, `${title}: its place says which instance is whose`);
      await w.clock.advance(5 * minute);
      t.strictSame(
        left.filter((name) => isTrue(w.claim(name) ?? {}, 'Ready')),
        left,
        title,
      );
      t.equal(w.living(), left.length, title);
      t.equal(new Set(providerIDs(w)).size, left.length, title);
      checkTags(t, w, title);
      t.strictSame(second.failures, [], title);
    }
  }
});

t.test('a node class changed under a group makes no second instance for anybody', async (t) => {
  const w = claimWorld('changed', { ec2: { isConsistent: true } });
  let patches = 0;
  const matches = (call: ApiCall): boolean => isClaimPatch(call) && ++patches === 7;
  await startControllers(w, 'one', {
    start: claimControllers,
    crashPoint: { matches, moment: 'before' },
  });
  createClaims(w);
  await w.clock.advance(2_000);
  t.equal(w.living(), 4);
  const body = { spec: { tags: { owner: 'somebody' } } };
  w.cluster.patch('EC2NodeClass', { name: 'default' }, { type: 'merge', body });
  await startControllers(w, 'two', { start: claimControllers });
  await w.clock.advance(4 * minute);
  t.equal(outcomeOf(w), good);
  checkTags(t, w, 'names');
});

t.test('two processes at once launch one instance for a claim', async (t) => {
  for (const lagMs of [0, 30, 60, 200, 330]) {
    const w = claimWorld(`two ${lagMs}`);
    await startControllers(w, 'one', { start: claimControllers });
    createClaims(w);
    await w.clock.advance(lagMs);
    await startControllers(w, 'two', { start: claimControllers });
    await w.clock.advance(5 * minute);
    t.equal(outcomeOf(w), good, `${lagMs} ms later`);
  }
});
