/** What could not be had is believed for a while, and what is like it too. */
import t from 'tap';
import type { LaunchOffering } from '../../../core/cloud-port.ts';
import { quotaGroup, UnavailableOfferings } from '../../../core/ec2/unavailable-offerings.ts';

const second = 1_000;
const minute = 60 * second;

function offering(
  instanceType: string,
  zone = 'us-east-1a',
  capacityType: LaunchOffering['capacityType'] = 'spot',
): LaunchOffering {
  return { instanceType, zone, capacityType };
}

t.test('a refusal holds for three minutes and only for its own offering', async (t) => {
  const memory = new UnavailableOfferings();
  const before = memory.version(0);
  memory.mark(offering('m5.large'), 'capacity', 0);
  t.not(memory.version(0), before);
  t.equal(memory.version(0), memory.version(second), 'nothing changes meanwhile');
  t.ok(memory.isUnavailable(offering('m5.large'), 179 * second));
  t.notOk(memory.isUnavailable(offering('m5.xlarge'), second));
  t.notOk(memory.isUnavailable(offering('m5.large', 'us-east-1b'), second));
  t.notOk(memory.isUnavailable(offering('m5.large', 'us-east-1a', 'on-demand'), second));
  const held = memory.version(179 * second);
  t.not(memory.version(3 * minute), held, 'the end is a change');
  t.notOk(memory.isUnavailable(offering('m5.large'), 3 * minute));
});

t.test('what is refused again soon after is believed for longer, up to half an hour', async (t) => {
  const memory = new UnavailableOfferings();
  let nowMs = 0;
  const lengths: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    memory.mark(offering('m5.large'), 'capacity', nowMs);
    let lasted = 0;
    while (memory.isUnavailable(offering('m5.large'), nowMs)) {
      nowMs += second;
      lasted += 1;
      memory.version(nowMs);
    }
    lengths.push(lasted / 60);
  }
  t.strictSame(lengths, [3, 6, 12, 24, 30, 30]);
  memory.clear(offering('m5.large'));
  memory.mark(offering('m5.large'), 'capacity', nowMs);
  t.notOk(memory.isUnavailable(offering('m5.large'), nowMs + 3 * minute), 'a success ends it');
});

t.test(
  'several dry types of a family make it dry in the zone, several families the zone',
  async (t) => {
    const memory = new UnavailableOfferings();
    const sizes = ['large', 'xlarge', '2xlarge'];
    for (const size of sizes.slice(0, 2)) memory.mark(offering(`m5.${size}`), 'capacity', 0);
    t.notOk(memory.isUnavailable(offering('m5.4xlarge'), 0));
    memory.mark(offering('m5.2xlarge'), 'capacity', 0);
    t.ok(memory.isUnavailable(offering('m5.4xlarge'), 0), 'the family');
    t.notOk(memory.isUnavailable(offering('m5.4xlarge', 'us-east-1b'), 0), 'in that zone alone');
    t.notOk(memory.isUnavailable(offering('r5.large'), 0));
    for (const family of ['c5', 'r5', 'm6i']) {
      for (const size of sizes) memory.mark(offering(`${family}.${size}`), 'capacity', 0);
    }
    t.ok(memory.isUnavailable(offering('t3.large'), 0), 'the zone');
    t.notOk(memory.isUnavailable(offering('t3.large', 'us-east-1a', 'on-demand'), 0));
    t.notOk(
      memory.isUnavailable(offering('t3.large'), 2 * minute),
      'what is concluded ends sooner',
    );
  },
);

t.test('a quota is of a group of families, everywhere; the spot role of all spot', async (t) => {
  const memory = new UnavailableOfferings();
  memory.mark(offering('g5.xlarge'), 'quota', 0);
  t.ok(memory.isUnavailable(offering('g6.xlarge', 'us-east-1c'), 0));
  t.notOk(memory.isUnavailable(offering('m5.large'), 0));
  memory.mark(offering('m5.large'), 'spot-role', 0);
  t.ok(memory.isUnavailable(offering('c5.large', 'us-east-1b'), 0));
  t.notOk(memory.isUnavailable(offering('c5.large', 'us-east-1b', 'on-demand'), 0));
  t.strictSame(
    ['m7i.large', 'u-3tb1.metal', 'inf2.xlarge', 'p5.48xlarge', 'vt1.3xlarge', 'x2gd.large'].map(
      quotaGroup,
    ),
    ['standard', 'u-', 'inf', 'p', 'g', 'x'],
  );
});

t.test('what is known outlives a restart', async (t) => {
  const memory = new UnavailableOfferings();
  memory.mark(offering('m5.large'), 'capacity', 0);
  memory.mark(offering('g5.large'), 'quota', 0);
  const after = new UnavailableOfferings();
  after.restore(memory.records(minute), minute);
  t.ok(after.isUnavailable(offering('m5.large'), minute));
  t.ok(after.isUnavailable(offering('g6.large'), minute));
  t.notOk(after.isUnavailable(offering('m5.large'), 3 * minute));
});
