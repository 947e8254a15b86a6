// Processes that die at every point of a NodeClaim's way, and an API server and a cloud that fail.

import t from 'tap';
import { isTrue } from '../../../../core/api/conditions.ts';
import { type ApiCall, randomFaults } from '../../../../sim/faults.ts';
import { createRandom } from '../../../../sim/random.ts';
import {
  type ClaimWorld,
  claimControllers,
  claimWorld,
  draftClaim,
  onDemand,
} from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;
/** Real time; a busy machine needs a multiple of the ten seconds that it takes. */
t.setTimeout(180_000);
const claimNames = ['a', 'b', 'c'];

/** How many calls of a kind a run without crash makes; crashes come at each of them. */
async function writesOf(seed: string): Promise<readonly string[]> {
  const w = claimWorld(seed);
  const calls: string[] = [];
  await startControllers(w, 'one', {
    start: claimControllers,
    faults: {
      on: (call) => {
        if (isWrite(call)) calls.push(`${call.verb} ${call.kind}`);
        return undefined;
      },
    },
  });
  createClaims(w);
  await w.clock.advance(3 * minute);
  return calls;
}

function isWrite({ verb }: ApiCall): boolean {
  return verb === 'patch' || verb === 'delete' || verb === 'create' || verb === 'apply';
}

/** One of them does not get what was planned. */
function createClaims(w: ClaimWorld): void {
  w.engine.drain(({ instanceType }) => instanceType === 'm7i.2xlarge', w.clock.nowMs() + minute);
  for (const name of claimNames) {
    const offerings = name === 'a' ? onDemand('m7i.2xlarge') : onDemand('c7i.2xlarge');
    const requirements = [
      { key: 'node.kubernetes.io/instance-type', operator: 'Exists' as const },
      { key: 'karpenter.sh/capacity-type', operator: 'In' as const, values: ['on-demand'] },
    ];
    w.cluster.create('NodeClaim', draftClaim(name, { offerings, spec: { requirements } }));
  }
}

/** All claims ready, one instance each, ever. */
function outcomeOf(w: ClaimWorld): string {
  const ready = claimNames.filter((name) => isTrue(w.claim(name) ?? {}, 'Ready'));
  const ids = new Set(claimNames.map((name) => w.claim(name)?.status?.providerID));
  return `${ready.join('')} ${ids.size} ids, ${w.engine.instances.size} launched, ${w.living()} alive, ${w.cluster.count('Node')} nodes, ${w.invariants.violations.length} violations`;
}

const good = 'abc 3 ids, 3 launched, 3 alive, 3 nodes, 0 violations';

t.test('a crash before or after any write changes nothing of the outcome', async (t) => {
  const writes = await writesOf('crash');
  t.ok(writes.length >= 15, writes.join(', '));
  for (let number = 1; number <= writes.length; number += 1) {
    for (const moment of ['before', 'after'] as const) {
      const w = claimWorld('crash');
      let count = 0;
      const first = await startControllers(w, 'one', {
        start: claimControllers,
        crashPoint: {
          moment,
          matches: (call) => {
            if (!isWrite(call)) return false;
            count += 1;
            return count === number;
          },
        },
      });
      createClaims(w);
      await w.clock.advance(minute + number * 100);
      const where = `${moment} write ${number}, ${writes[number - 1]}`;
      if (first.ports.process.isAlive) {
        first.ports.process.kill();
        t.comment(`${where}: did not come about`);
      }
      const second = await startControllers(w, 'two', { start: claimControllers });
      await w.clock.advance(4 * minute);
      t.equal(outcomeOf(w), good, where);
      t.strictSame([...first.failures, ...second.failures], [], where);
    }
  }
});

t.test('a kill at any moment of the launch makes no second instance', async (t) => {
  for (let atMs = 5; atMs <= 1_300; atMs += 35) {
    const w = claimWorld('kill');
    const first = await startControllers(w, 'one', { start: claimControllers });
    createClaims(w);
    await w.clock.advance(atMs);
    first.ports.process.kill();
    await w.clock.advance(atMs % 2 === 0 ? 100 : 2 * minute);
    const second = await startControllers(w, 'two', { start: claimControllers });
    await w.clock.advance(4 * minute);
    t.equal(outcomeOf(w), good, `killed after ${atMs} ms`);
    t.strictSame(second.failures, []);
  }
});

t.test('two processes at once launch one instance for a claim', async (t) => {
  for (const lagMs of [0, 40, 200, 330]) {
    const w = claimWorld(`two ${lagMs}`);
    await startControllers(w, 'one', { start: claimControllers });
    createClaims(w);
    await w.clock.advance(lagMs);
    // The old leader does not know yet that it leads no more.
    await startControllers(w, 'two', { start: claimControllers });
    await w.clock.advance(4 * minute);
    t.equal(outcomeOf(w), good, `${lagMs} ms later`);
  }
});

t.test('failing calls delay, and change nothing of the outcome', async (t) => {
  const fleetCodes = ['RequestLimitExceeded', 'InternalError', 'RequestTimeout'];
  for (let seed = 0; seed < 25; seed += 1) {
    const random = createRandom(`fleet ${seed}`);
    let isFailing = true;
    const w = claimWorld(`faults ${seed}`, {
      ec2: {
        isThrottled: true,
        faults: {
          on: () => {
            if (!isFailing || !random.chance(0.3)) return undefined;
            const code = fleetCodes[random.integer(fleetCodes.length)] ?? '';
            return random.chance(0.5) ? { type: 'lose-answer' } : { type: 'refuse', code };
          },
        },
      },
    });
    const rate = 0.08;
    const faults = randomFaults(createRandom(`api ${seed}`), {
      refuse: rate,
      loseRequest: rate / 4,
      loseAnswer: rate,
      delay: rate,
      cut: 0.3,
      lag: 0.3,
    });
    const process = await startControllers(w, 'one', { start: claimControllers, faults });
    createClaims(w);
    await w.clock.advance(100_000);
    faults.stop();
    isFailing = false;
    await w.clock.advance(4 * minute);
    t.equal(outcomeOf(w), good, `seed ${seed}`);
    t.strictSame(w.invariants.violations, [], `seed ${seed}`);
    t.strictSame(process.failures, [], `seed ${seed}`);
  }
});
