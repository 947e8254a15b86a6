// Pods that come one after the other while the API server answers late and watches lag behind: no room
// is given away twice, so that nobody is sent away from a node that was promised to it.

import t from 'tap';
import { labelArch, labelCapacityType, labelInstanceCategory } from '../../../core/api/labels.ts';
import { defaultBootModel } from '../../../sim/boot-time.ts';
import { endlessCapacity } from '../../../sim/ec2-capacity.ts';
import type { ApiFaults } from '../../../sim/faults.ts';
import { createRandom } from '../../../sim/random.ts';
import type { SamplePool } from '../../../sim/sample-objects.ts';
import { deployService } from '../../../sim/workloads.ts';
import { countPods, wholeWorld } from '../../support/whole-service.ts';

const second = 1_000;
const seeds = 8;
const workloads = 48;
const podsPerWorkload = 5;
const arrivalMs = 15 * second;
const sizesMilli = [250, 900, 1_500] as const;
/** Boots take 2 s, answers up to as long, and the last pod comes after {@link arrivalMs}. */
const limitMs = 60 * second;
const recordsMax = 100_000;
/** What the binder says when a plan has promised the same room, or the same pod a node, twice. */
const promisedTwice = /is free$|holds a node for it too/;

t.setTimeout(600_000);

const pool: SamplePool = {
  name: 'general',
  requirements: [
    { key: labelArch, operator: 'In', values: ['amd64'] },
    { key: labelCapacityType, operator: 'In', values: ['on-demand'] },
    { key: labelInstanceCategory, operator: 'In', values: ['c', 'm', 'r'] },
    { key: 'karpenter.k8s.aws/instance-cpu', operator: 'In', values: ['8', '16'] },
  ],
};

for (let seed = 0; seed < seeds; seed += 1) {
  t.test(`seed ${seed}: every pod runs soon where it was planned`, async (t) => {
    const random = createRandom(`slow api ${seed}`);
    const answerMaxMs = random.pick([50, 200, 1_000]);
    const lagMaxMs = random.pick([200, 2_000]);
    const faults: ApiFaults = {
      on: ({ verb }) => ({
        type: verb === 'watch' ? 'lag' : 'delay',
        delayMs: random.float() * (verb === 'watch' ? lagMaxMs : answerMaxMs),
      }),
    };
    const w = wholeWorld(`slow api ${seed}`, {
      pools: [pool],
      ec2: {
        capacity: endlessCapacity,
        boot: {
          ...defaultBootModel,
          vmMedianMs: 600,
          osMedianMs: 1_100,
          readyMedianMs: 300,
          neverJoinsShare: 0,
        },
      },
    });
    const one = await w.startReplica('one', { faults });
    await w.clock.advance(3 * second);
    const names = Array.from({ length: workloads }, (_, index) => `burst-${index}`);
    for (const [index, name] of names.entries()) {
      const cpuMilli = sizesMilli[index % sizesMilli.length] ?? 0;
      w.clock.schedule(random.integer(arrivalMs), () =>
        deployService(w.cluster, name, { replicas: podsPerWorkload, cpuMilli, memoryMiB: 256 }),
      );
    }
    const run = (): number => names.reduce((sum, name) => sum + countPods(w, name, 'Running'), 0);
    await w.until('all run', () => run() === workloads * podsPerWorkload, limitMs);
    const records = one.service.recorder.recent(recordsMax);
    t.ok(records.some(({ outcome }) => outcome === 'bound'));
    t.strictSame(
      records.filter(({ reason }) => promisedTwice.test(reason)),
      [],
    );
    t.strictSame(w.invariants.violations, []);
    t.strictSame(one.failures, []);
  });
}
