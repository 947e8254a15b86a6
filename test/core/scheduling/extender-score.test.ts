/** The prioritize verb packs: which node wins, and why. */
import * as fc from 'fast-check';
import t from 'tap';
import {
  scoreMax,
  scoresOf,
  unitPriceNanoUsdPerHour,
} from '../../../core/scheduling/extender-score.ts';
import type { ExtenderNode, NodeStanding } from '../../../core/scheduling/extender-view.ts';
import type { AskingPod } from '../../../core/scheduling/reservation.ts';
import {
  askingPod,
  extenderNode,
  nowMs,
  reservation,
  standing,
} from '../../support/extender-fixtures.ts';

const minuteMs = 60_000;

function scores(nodes: readonly (ExtenderNode | undefined)[], pod: AskingPod = askingPod()) {
  return [...scoresOf(nodes, nodes.length, pod, nowMs)];
}

function scoresOfStandings(standings: readonly Partial<NodeStanding>[], pod?: AskingPod) {
  return scores(
    standings.map((one) => extenderNode('n', { standing: standing(one) })),
    pod,
  );
}

t.test('fuller nodes win, so that the others run empty', async (t) => {
  t.strictSame(
    scoresOfStandings([
      { fullnessPermille: 1000 },
      { fullnessPermille: 700 },
      { fullnessPermille: 350 },
      { fullnessPermille: 100 },
    ]),
    [9, 8, 7, 6],
  );
});

t.test(
  'an empty node comes after every node that holds something, a leaving one last',
  async (t) => {
    const [full, empty, leaving, leavingEmpty] = scoresOfStandings([
      { fullnessPermille: 10, unitPriceNanoUsdPerHour: 90_000_000 },
      { workloadPods: 0 },
      { isLeaving: true, fullnessPermille: 1000 },
      { isLeaving: true, workloadPods: 0 },
    ]);
    t.strictSame([full, empty, leaving, leavingEmpty], [4, 1, 0, 0]);
  },
);

t.test(
  'nodes that are not ours are never given back: empty or not, they cost nothing',
  async (t) => {
    const [score] = scoresOfStandings([{ isManaged: false, workloadPods: 0, fullnessPermille: 0 }]);
    t.equal(score, 6);
  },
);

t.test('of equally full nodes the one that is cheaper for its size wins', async (t) => {
  const prices = [30_000_000, 40_000_000, 50_000_000, 60_000_000];
  t.strictSame(
    scoresOfStandings(prices.map((unitPriceNanoUsdPerHour) => ({ unitPriceNanoUsdPerHour }))),
    [7, 7, 6, 5],
  );
});

t.test('a node without a price is taken for a cheap one', async (t) => {
  const [known, unknown] = scoresOfStandings([{}, { unitPriceNanoUsdPerHour: undefined }]);
  t.equal(known, unknown);
});

t.test('a pod goes where it does not prolong a node’s life', async (t) => {
  const ends = [60, 25, 15, undefined];
  const nodes = ends.map((minutes) => ({
    expectedEndMs: minutes === undefined ? undefined : nowMs + minutes * minuteMs,
  }));
  const halfHour = askingPod({ expectedRuntimeMs: 30 * minuteMs });
  t.strictSame(scoresOfStandings(nodes, halfHour), [7, 6, 5, 7]);
});

t.test('a pod without an end goes to nodes without an end', async (t) => {
  const nodes = [{ expectedEndMs: nowMs + 60 * minuteMs }, { expectedEndMs: undefined }];
  t.strictSame(scoresOfStandings(nodes), [5, 7]);
});

t.test('the node that is held for the pod beats all, which then count nothing', async (t) => {
  const nodes = [
    extenderNode('full', { standing: standing({ fullnessPermille: 1000 }) }),
    extenderNode('own', { reservation: reservation() }),
    undefined,
  ];
  t.strictSame(scores(nodes, askingPod({ uid: 'uid-owner' })), [0, scoreMax, 0]);
});

t.test('an expired reservation gives no precedence', async (t) => {
  const nodes = [
    extenderNode('full', { standing: standing() }),
    extenderNode('own', {
      reservation: reservation({ expiresAtMs: nowMs }),
      standing: standing({ workloadPods: 0 }),
    }),
  ];
  t.strictSame(scores(nodes, askingPod({ uid: 'uid-owner' })), [7, 1]);
});

t.test('nodes that are not known count nothing', async (t) => {
  t.strictSame(scores([undefined, extenderNode('a')]), [0, 0]);
});

t.test('only the first nodes are scored, as many as are asked about', async (t) => {
  const node = extenderNode('a', { standing: standing() });
  t.strictSame([...scoresOf([node, node, node], 2, askingPod(), nowMs)], [7, 7]);
});

t.test('a vCPU and twelve GiB cost the same, so that families compare', async (t) => {
  t.equal(unitPriceNanoUsdPerHour(240_000_000, 4_000, 0), 60_000_000);
  t.equal(unitPriceNanoUsdPerHour(240_000_000, 3_000, 12 * 1024), 60_000_000);
  t.equal(unitPriceNanoUsdPerHour(240_000_000, 0, 0), 0);
});

const anyStanding: fc.Arbitrary<NodeStanding> = fc.record({
  isLeaving: fc.boolean(),
  isManaged: fc.boolean(),
  workloadPods: fc.nat(5),
  fullnessPermille: fc.integer({ min: -10, max: 1200 }),
  unitPriceNanoUsdPerHour: fc.option(fc.nat(1_000_000_000), { nil: undefined }),
  expectedEndMs: fc.option(
    fc.integer({ min: -100, max: 100 }).map((m) => nowMs + m * minuteMs),
    { nil: undefined },
  ),
});
const anyPod = fc
  .option(fc.nat(100 * minuteMs), { nil: undefined })
  .map((expectedRuntimeMs) => askingPod({ expectedRuntimeMs }));

t.test('scores are integers from 0 to 10, whatever the nodes are like', async () => {
  fc.assert(
    fc.property(fc.array(anyStanding, { maxLength: 30 }), anyPod, (standings, pod) =>
      scoresOfStandings(standings, pod).every(
        (score) => Number.isInteger(score) && score >= 0 && score <= scoreMax,
      ),
    ),
  );
});

t.test('a node never loses by being fuller or longer there', async () => {
  fc.assert(
    fc.property(anyStanding, fc.array(anyStanding), anyPod, fc.nat(500), (one, others, pod, by) => {
      const better = {
        ...one,
        fullnessPermille: one.fullnessPermille + by,
        expectedEndMs:
          one.expectedEndMs === undefined ? undefined : one.expectedEndMs + by * minuteMs,
      };
      const [first = 0, second = 0] = scoresOfStandings([one, better, ...others], pod);
      return second >= first;
    }),
  );
});
