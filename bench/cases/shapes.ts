/**
 * Cases without placement rules: what the shapes of pods alone do to a packing.
 *
 * In: size and seed. Out: workloads on the catalogue of the comparison with Karpenter, uncapped and
 * below 33 vCPU. A seed changes memory requests and the choice of shapes, never the pool.
 */
import { createRandom, type Random } from '../random.ts';
import type { BenchCase, PodGroup, Workload, WorkloadSize } from '../workload.ts';
import {
  below33Cpus,
  comparisonRequirements,
  nodePool,
  podGroup,
  type Shape,
  splitByWeight,
  splitEvenly,
  workload,
} from './parts.ts';

/** Order matters: the first six make the 120 shapes of the published comparison. */
const evenCpuMilli = [
  250, 500, 1000, 2000, 4000, 6000, 1500, 3000, 750, 8000, 100, 2500, 1250, 5000, 350,
];
const evenMiBPerCpu = [1, 2, 4, 6, 8].map((gib) => gib * 1024);
const evenEphemeralMiB = [0, 256, 1024, 2048];

/** Memory as people write it down rarely divides evenly: `nominal` give or take `share`. */
function jitter(random: Random, nominal: number, share: number): number {
  return Math.max(32, Math.round(nominal * (1 + share * (2 * random.next() - 1))));
}

/** All combinations of cpu, memory per cpu and ephemeral storage, the same number of pods each. */
function evenMixGroups({ pods, classes, seed }: WorkloadSize): PodGroup[] {
  const random = createRandom(seed, 'even-mix');
  const perCpu = evenMiBPerCpu.length * evenEphemeralMiB.length;
  const rows = Math.max(6, Math.ceil(classes / perCpu));
  const shapes: Shape[] = [];
  for (let row = 0; row < rows; row++) {
    const base = evenCpuMilli[row % evenCpuMilli.length]!;
    // Beyond the listed sizes: the same ones, a little larger each time round.
    const cpuMilli = base + 10 * Math.floor(row / evenCpuMilli.length);
    for (const mibPerCpu of evenMiBPerCpu) {
      for (const ephemeralMiB of evenEphemeralMiB) {
        const memoryMiB = jitter(random, (cpuMilli / 1000) * mibPerCpu, 0.15);
        shapes.push({ cpuMilli, memoryMiB, ephemeralMiB });
      }
    }
  }
  const counts = splitEvenly(pods, classes);
  return random
    .shuffle(shapes)
    .slice(0, classes)
    .map((shape, i) => podGroup(`even-${i}`, counts[i]!, shape));
}

/** Half of the pods want cpu and no memory, half memory and no cpu: apart they waste, together not. */
function complementaryGroups({ pods, seed }: WorkloadSize): PodGroup[] {
  const random = createRandom(seed, 'complementary');
  const shapes: Shape[] = [
    ...[1000, 2000, 3000, 4000, 7000].map((cpuMilli) => ({
      cpuMilli,
      memoryMiB: jitter(random, cpuMilli * 0.4, 0.3),
    })),
    ...[4, 8, 12, 16, 28].map((gib, i) => ({
      cpuMilli: [100, 250, 250, 500, 500][i]!,
      memoryMiB: jitter(random, gib * 1024, 0.1),
    })),
  ];
  const counts = splitEvenly(pods, shapes.length);
  return shapes.map((shape, i) => podGroup(`complementary-${i}`, counts[i]!, shape));
}

/** Sizes just over a half, a third or a quarter of what common nodes offer. */
function awkwardGroups({ pods, seed }: WorkloadSize): PodGroup[] {
  const random = createRandom(seed, 'awkward');
  const cpuMilli = [1010, 1340, 2010, 2680, 4050, 5400, 8100];
  const mibPerCpu = [3200, 5600, 2100, 4300, 3900, 1500, 2600];
  const counts = splitEvenly(pods, cpuMilli.length);
  return cpuMilli.map((cpu, i) =>
    podGroup(`awkward-${i}`, counts[i]!, {
      cpuMilli: cpu + 10 * random.below(9),
      memoryMiB: jitter(random, (cpu / 1000) * mibPerCpu[i]!, 0.05),
    }),
  );
}

const skewedCpuMilli = [
  50, 100, 100, 200, 250, 250, 500, 500, 750, 1000, 1000, 1500, 2000, 2000, 3000, 4000, 6000, 8000,
];
const skewedGiBPerCpu = [0.25, 0.5, 1, 1, 2, 2, 2, 3, 4, 4, 6, 8, 12];

/** Shapes as clusters have them: many small pods, few large ones, demand log-normal. */
export function skewedShapes(
  random: Random,
  size: WorkloadSize,
): { shape: Shape; count: number }[] {
  const shapes: Shape[] = [];
  const weights: number[] = [];
  const seen = new Set<string>();
  while (shapes.length < size.classes) {
    const nominal = random.pick(skewedCpuMilli);
    const odd = random.next() < 0.3;
    const cpuMilli = odd
      ? Math.max(20, 10 * Math.round((nominal * (0.6 + 0.9 * random.next())) / 10))
      : nominal;
    const gibPerCpu =
      random.pick(skewedGiBPerCpu) * (random.next() < 0.3 ? 0.7 + 0.6 * random.next() : 1);
    const memoryMiB = Math.max(64, 16 * Math.round(((cpuMilli / 1000) * gibPerCpu * 1024) / 16));
    const ephemeralMiB = random.next() < 0.15 ? 1024 * (1 + random.below(6)) : 0;
    const key = `${cpuMilli}|${memoryMiB}|${ephemeralMiB}`;
    if (seen.has(key)) continue;
    seen.add(key);
    shapes.push({ cpuMilli, memoryMiB, ephemeralMiB });
    weights.push(Math.exp(1.3 * random.normal()) / (0.3 + cpuMilli / 1000));
  }
  const counts = splitByWeight(size.pods, weights);
  return shapes.map((shape, i) => ({ shape, count: counts[i]! }));
}

function skewedGroups(size: WorkloadSize): PodGroup[] {
  return skewedShapes(createRandom(size.seed, 'skewed'), size).map(({ shape, count }, i) =>
    podGroup(`skewed-${i}`, count, shape),
  );
}

interface ShapeCase {
  readonly name: string;
  readonly description: string;
  readonly defaultClasses: number;
  readonly groups: (size: WorkloadSize) => PodGroup[];
}

/** The case on large nodes, and its twin on nodes below 33 vCPU. */
function bothSizes({ name, description, defaultClasses, groups }: ShapeCase): BenchCase[] {
  const common = { defaultPods: 1000, defaultClasses, karpenter: true } as const;
  const requirements = comparisonRequirements;
  const build = (size: WorkloadSize, capped: boolean): Workload =>
    workload(groups(size), [
      nodePool({
        name: 'default',
        requirements: capped ? [...requirements, below33Cpus] : requirements,
      }),
    ]);
  return [
    { ...common, name, description, build: (size) => build(size, false) },
    {
      ...common,
      name: `${name}-small-nodes`,
      description: `${description} Nodes below 33 vCPU.`,
      build: (size) => build(size, true),
    },
  ];
}

export const shapeCases: readonly BenchCase[] = [
  {
    name: 'even-mix',
    description: 'All combinations of cpu, memory and ephemeral shapes, evenly.',
    defaultClasses: 120,
    groups: evenMixGroups,
  },
  {
    name: 'complementary',
    description: 'Five cpu-heavy and five memory-heavy shapes.',
    defaultClasses: 10,
    groups: complementaryGroups,
  },
  {
    name: 'awkward',
    description: 'Seven sizes just over halves, thirds and quarters of common nodes.',
    defaultClasses: 7,
    groups: awkwardGroups,
  },
  {
    name: 'skewed',
    description: 'Random shapes, many small pods and few large ones, log-normal demand.',
    defaultClasses: 60,
    groups: skewedGroups,
  },
].flatMap(bothSizes);
