/**
 * Practice for a fresh thread: solves an invented problem, so that the first real one finds its code
 * compiled and the LP library loaded.
 *
 * In: which LP library. Out: nothing but a warm thread. The problem has the shape of a catalogue
 * (many offerings, a few masks, three resources) and means nothing.
 */
import { type PackingProblem, unlimitedCount, unlimitedPerBin } from '../core/packing/problem.ts';
import type { MasterKind } from './create-master.ts';
import { firstPlan } from './first-plan.ts';
import { uniformProblem } from './problem-object.ts';
import { SeededRandom } from './random.ts';
import { solveProblem } from './solve-problem.ts';

/** Sizes, and how long and how often: about what V8 takes to compile the hot loops. */
const classCount = 60;
const offeringCount = 1500;
const maskCount = 4;
const podsPerClass = 12;
const solveMs = 400;
const firstPlans = 8;

/** The problem that threads practise on. */
export function practiceProblem(): PackingProblem {
  const random = new SeededRandom(1);
  const sizes = [250, 500, 1000, 2000, 4000, 8000];
  const request = Float64Array.from({ length: classCount }, () => {
    return sizes[random.below(sizes.length)] as number;
  });
  const requests = new Float64Array(classCount * 3);
  request.forEach((cpu, c) => {
    const memory = cpu * (1 + random.below(8)) + random.below(100);
    requests.set([cpu, memory, 1], c * 3);
  });
  const capacity = new Float64Array(offeringCount * 3);
  const priceNano = new Float64Array(offeringCount);
  for (let o = 0; o < offeringCount; o++) {
    const cpu = 8000 * (1 + random.below(12));
    const memory = cpu * (2 + 2 * random.below(4));
    capacity.set([cpu - 150, memory - 300, 30 + random.below(200)], o * 3);
    priceNano[o] = Math.round((cpu * 40_000 + memory * 5000) * (0.8 + 0.4 * random.next()));
  }
  const masks = Uint16Array.from({ length: maskCount * classCount }, (_, at) =>
    at < classCount || random.next() < 0.8 ? unlimitedPerBin : 0,
  );
  return {
    resourceNames: ['cpuMilli', 'memoryMiB', 'pods'],
    familyCount: classCount,
    demand: new Int32Array(classCount).fill(podsPerClass),
    priority: new Float64Array(classCount),
    classCount,
    familyOf: Int32Array.from({ length: classCount }, (_, c) => c),
    request: requests,
    boundRequest: requests,
    offeringCount,
    capacity,
    boundCapacity: capacity,
    priceNano,
    steerNano: new Float64Array(offeringCount),
    available: new Int32Array(offeringCount).fill(unlimitedCount),
    maskOf: Int32Array.from({ length: offeringCount }, (_, o) => o % maskCount),
    maskCount,
    masks,
    boundMasks: masks,
    conflicts: new Int32Array(0),
    domainGroups: [],
    limits: [],
  };
}

/** Practises in this thread for about half a second. */
export async function warmUp(master: MasterKind): Promise<void> {
  const problem = uniformProblem(practiceProblem());
  for (let q = 0; q < firstPlans; q++) firstPlan(problem);
  await solveProblem(
    problem,
    { gap: 0, timeLimitMs: solveMs, seed: 1, threads: 1, master },
    {
      epochMs: () => performance.timeOrigin + performance.now(),
      aborted: () => false,
      progress: () => undefined,
      planPort: null,
      warm: null,
    },
  );
}
