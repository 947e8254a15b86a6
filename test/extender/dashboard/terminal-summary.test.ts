/** What npm start prints while it runs. */
import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import {
  type SummaryState,
  startSummaryPrinter,
  summaryLine,
  summaryLines,
} from '../../../extender/dashboard/terminal-summary.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';

const plain = { colour: false, columns: 120 };

function state(podsPending: number): SummaryState {
  return {
    timeMs: Date.parse('2026-01-01T06:10:00Z'),
    about: {
      cluster: 'simulated',
      identity: 'a',
      isLeader: true,
      karpenterLeads: false,
      leader: 'a',
      version: '0',
      speed: 60,
    },
    totals: {
      nodes: 11,
      nodesReady: 10,
      nodesComing: 2,
      nodesLeaving: 1,
      podsRunning: 1_234,
      podsStarting: 0,
      podsPending,
      podsDone: 5_000,
      podsFailed: 0,
      cpuUse: 0.91,
      memoryUse: 0.5,
      cost: 12.5,
      nodesUnpriced: 0,
      bound: 12.4,
      firstFit: 14,
      planned: 1,
      plan: { timeMs: 0, pods: 40, gap: 0.008, solveMs: 320 },
    },
    pending:
      podsPending === 0
        ? []
        : [
            {
              workload: 'default/lint',
              state: 'coming',
              reason: 'Its node is booting',
              pods: podsPending,
              asks: '',
              oldestMs: 0,
              expectedMs: null,
              example: '',
            },
          ],
    decisions: [
      {
        number: 1,
        timeMs: Date.parse('2026-01-01T06:09:58Z'),
        actor: 'lifecycle',
        outcome: 'launched',
        kind: 'NodeClaim',
        subject: 'general-1',
        reason: 'm7i.large',
      },
    ],
  };
}

t.test('the block says what waits, runs, costs and was decided', async (t) => {
  t.strictSame(summaryLines(state(7), plain), [
    '2026-01-01 06:10:00  simulated, leading, 60 × real time',
    'pods   7 pending, 1,234 running, 5,000 done',
    '  7 × default/lint: Its node is booting',
    'nodes  10 ready, 2 on their way, 1 leaving, cpu 91 %, memory 50 %',
    'cost   $12.50/h, at least $12.40 by proof, $14.00 with first-fit',
    'plan   40 pods in 0.32 s, gap 0.80 %',
    '  06:09:58 launched nodeclaim/general-1: m7i.large',
  ]);
  t.equal(summaryLines(state(0), plain).length, 6, 'nothing waits: no line for it');
});

t.test('no line is wider than the terminal, with colours or without', async (t) => {
  for (const colour of [true, false]) {
    for (const line of summaryLines(state(7), { colour, columns: 40 })) {
      t.ok(stripVTControlCharacters(line).length <= 40, line);
    }
  }
});

t.test('one line says the same for a pipe', async (t) => {
  t.equal(
    summaryLine(state(7)),
    '2026-01-01 06:10:00; pods 7 pending, 1,234 running, 5,000 done; nodes 10 ready, 2 on their way, 1 leaving, cpu 91 %, memory 50 %; $12.50/h, at least $12.40 by proof, $14.00 with first-fit',
  );
});

t.test('a pipe gets a line every few seconds, and none twice', async (t) => {
  const clock = createVirtualClock();
  const written: string[] = [];
  let pods = 1;
  const stream = { write: (text: string) => written.push(text) };
  const printer = startSummaryPrinter({
    stream,
    clock,
    state: () => state(pods),
    style: () => plain,
  });
  await clock.advance(20_000);
  t.equal(written.length, 1);
  pods = 2;
  await clock.advance(5_000);
  t.equal(written.length, 2);
  printer.stop();
  pods = 3;
  await clock.advance(60_000);
  t.equal(written.length, 2);
});

t.test('a terminal gets a block that is drawn over itself', async (t) => {
  const clock = createVirtualClock();
  const written: string[] = [];
  const stream = { isTTY: true, write: (text: string) => written.push(text) };
  const printer = startSummaryPrinter({ stream, clock, state: () => state(7), style: () => plain });
  await clock.advance(1_000);
  printer.stop();
  t.notMatch(written[0], '\u001b[7A');
  t.ok(written[1]?.startsWith('\u001b[7A\r'), 'back over the seven lines');
});
