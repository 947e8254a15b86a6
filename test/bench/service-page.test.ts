// The page of the service judges each goal by its own figure, and says what was not measured.

import t from 'tap';
import type { VerbRecord } from '../../bench/extender-result.ts';
import { describeMachine } from '../../bench/machine.ts';
import { resultFormat } from '../../bench/result.ts';
import { type ServiceMeasurements, servicePage } from '../../bench/service-page.ts';

const nothing: ServiceMeasurements = {
  extender: undefined,
  service: undefined,
  controlPlane: [],
  scaleUp: undefined,
  iceStorm: undefined,
};
const head = {
  format: resultFormat,
  startedAt: '2026-11-22T00:00:00.000Z',
  machine: describeMachine(),
  load: [0.1, 1.5],
} as const;

const asked = (verb: VerbRecord['verb'], p99Ms: number): VerbRecord => ({
  verb,
  transport: 'http/1.1',
  load: 'solve',
  names: 5_000,
  serverMs: [1, p99Ms, 9],
  clientMs: [2, 3, 10],
  cpuMsPerCall: 0.8,
  lagP99Ms: 3,
});

/** Rows of the table of goals that speak of something. */
const goals = (page: string, what: string): readonly string[] =>
  page.split('\n').filter((line) => line.startsWith('| ') && line.includes(what));

t.test('what was not measured is not met', async (t) => {
  const page = servicePage(nothing);
  t.match(goals(page, 'filter')[0], /- \| not measured \|$/);
  t.match(goals(page, '1,000 nodes')[0], /260 MiB \| - \| not measured/);
  t.match(page, /## The verbs\n\nNot measured\./);
});

t.test('a goal is judged by the figure that it is about', async (t) => {
  const records = [
    asked('filter', 1.9),
    asked('prioritize', 2.1),
    { ...asked('prioritize', 0.5), transport: 'node:http' as const },
    { ...asked('filter', 7), load: 'idle' as const },
  ];
  const page = servicePage({
    ...nothing,
    extender: {
      ...head,
      kind: 'extender',
      kubernetes: 'v1.36.3',
      calls: 10,
      inputs: [{ names: 5_000, bytes: 150_000, hash: '0123456789abcdef' }],
      records,
    },
  });
  t.match(goals(page, 'filter, 5,000 names')[0], /2 ms \| 1\.9 ms \| yes/);
  t.match(goals(page, 'prioritize, 5,000 names')[0], /2 ms \| 2\.1 ms \| no/);
  t.match(page, /load average 0\.1 to 1\.5/);
  t.match(page, /5,000 names 150000 B 0123456789abcdef/);
});

t.test('memory and throughput are judged for each size of cluster', async (t) => {
  const rates = { none: [100, 90, 110], echo: [80, 80, 80], ours: [70, 79, 78], marked: [95] };
  const memory = { syncMs: 900, peakResidentMiB: 300, heapMiB: 40, heapWithSnapshotMiB: 50 };
  const page = servicePage({
    ...nothing,
    service: {
      ...head,
      kind: 'service',
      nodeOptions: '--max-semi-space-size=8',
      memory: [
        { nodes: 1_000, pods: 10_000, residentMiB: 240, ...memory },
        { nodes: 5_000, pods: 150_000, residentMiB: 1_100, ...memory },
      ],
      burst: null,
    },
    controlPlane: [
      {
        ...head,
        kind: 'control-plane',
        kubernetes: 'v1.36.3',
        inputHash: '0123456789abcdef',
        throughput: [{ nodes: 1_000, pods: 2_000, load: [1, 2], rates }],
        loaded: null,
      },
    ],
  });
  t.match(goals(page, 'memory at 1,000 nodes')[0], /260 MiB \| 240 MiB \| yes/);
  t.match(goals(page, 'memory at 5,000 nodes')[0], /1,024 MiB \| 1100 MiB \| no/);
  t.match(goals(page, 'an extender that does nothing')[0], /95 % \| 97\.5 % \| yes/);
  t.match(goals(page, 'marked pods only')[0], /90 % \| 95 % \| yes/);
  t.match(page, /70, 79, 78/);
});

t.test('what was measured with the EC2 provider is told in its own words', async (t) => {
  const storm = { nodes: 1_102, callsThrottled: 0, waitP50Seconds: 2.1, waitP99Seconds: 9 };
  const page = servicePage({
    ...nothing,
    scaleUp: {
      ...head,
      kind: 'scale-up',
      inputHash: '0123456789abcdef',
      speed: 20,
      record: {
        pods: 1_000,
        nodes: 1_000,
        createFleetCalls: 40,
        callsThrottled: 2,
        callsPerNode: 0.04,
        claims: 1_001,
        createdToTried: [0.5, 2, 3],
        triedToLaunch: [1, 2.25, 2.5],
        pendingToLaunch: [1.5, 4.25, 5],
        pendingToBound: [5, 9, 10],
        pendingToRunning: [6, 10, 11],
        upSeconds: 60.5,
        downSeconds: 90,
        memoryMiB: [150, 240, 260],
        doubles: 0,
        nameless: 0,
      },
    },
    iceStorm: {
      ...head,
      kind: 'ice-storm',
      minutes: 90,
      burst: 38,
      burstEveryMs: 185_000,
      storms: [
        {
          ...storm,
          policy: 'substitutes',
          claims: 1_102,
          claimsLost: 0,
          createFleetCalls: 1_104,
          instances: 1_102,
        },
      ],
    },
  });
  t.match(
    page,
    /1,000 nodes of 1,001 NodeClaims by 40 calls of CreateFleet \(0\.04 a node, 2 throttled\)/,
  );
  t.match(page, /\| to the launch of its node \| 1\.5 s \| 4\.25 s \| 5 s \|/);
  t.match(page, /\| substitutes \| 1,102 \| 1,102 \| 0 \| 1,104 \| 0 \| 2\.1 \| 9 \|/);
});
