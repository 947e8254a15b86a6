// The whole service under whatever a seed brings: faults, kills, droughts, deletions; then rest.
//
// One run needs a second or so; `STOWAGE_SEEDS=300` makes more of them than CI does,
// `STOWAGE_SEEDS=37..38` runs seed 37 alone.

import t from 'tap';
import { runSeed } from '../../support/service-seeds.ts';

/** CI has about a minute for them; what is not run by then is said. */
const defaultSeeds = 40;
const budgetMs = 60_000;
/** Kinds of things that must have happened somewhere: a run without trouble proves nothing. */
const required = ['job', 'kill', 'death', 'pod deleted', 'drought', 'outage', 'instance lost'];

t.setTimeout(0);

const [from, to] = range(process.env['STOWAGE_SEEDS']);

t.test(`seeds ${from} to ${to - 1} come to rest with every promise kept`, async (t) => {
  const endMs = performance.now() + budgetMs;
  const counts: Record<string, number> = {};
  let seed = from;
  for (; seed < to; seed += 1) {
    if (process.env['STOWAGE_SEEDS'] === undefined && performance.now() > endMs) break;
    const outcome = await runSeed(seed);
    const again = `STOWAGE_SEEDS=${seed}..${seed + 1} npx tap --disable-coverage test/sim/service/seeds.test.ts`;
    t.strictSame(outcome.problems, [], `seed ${seed}; again: ${again}`);
    for (const [name, count] of Object.entries(outcome.counts)) {
      counts[name] = (counts[name] ?? 0) + count;
    }
  }
  t.comment(`${seed - from} of ${to - from} seeds: ${JSON.stringify(counts)}`);
  t.ok((counts['comparisons'] ?? 0) > 0, 'nodes were compared with what they hold');
  if (seed - from < defaultSeeds) return;
  for (const name of required) t.ok((counts[name] ?? 0) > 0, `${name} has happened`);
});

t.test('one seed is one run', async (t) => {
  const [one, other] = [await runSeed('same'), await runSeed('same')];
  t.strictSame(other, one);
});

function range(text = String(defaultSeeds)): readonly [number, number] {
  const match = /^(?:(\d+)\.\.)?(\d+)$/.exec(text);
  if (match === null) throw new Error(`STOWAGE_SEEDS: expected 300 or 37..38, found ${text}`);
  return [Number(match[1] ?? 0), Number(match[2])];
}
