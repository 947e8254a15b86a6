/**
 * The production GPU mix of Alibaba's openb trace, on EC2.
 *
 * In: `openb_pod_list_default.csv` from the shared data folder (open to research use, not copied
 * here), size and seed. Out: its (cpu, memory, gpu) shapes in their proportions. GPU shares are
 * taken as whole GPUs, since EC2 offers nothing less. The seed shuffles nothing: the trace is fixed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { InputError } from '../../core/errors.ts';
import { sharedDataPath } from '../shared-data.ts';
import type { BenchCase, Workload, WorkloadSize } from '../workload.ts';
import { nodePool, oneOf, podGroup, splitByWeight, workload } from './parts.ts';

const columns = ['cpu_milli', 'memory_mib', 'num_gpu'] as const;
/** EC2's smallest shares; the trace has pods of 0. */
const leastCpuMilli = 10;
const leastMemoryMiB = 16;

function readShapes(): Map<string, number> {
  const path = sharedDataPath('openb/openb_pod_list_default.csv');
  if (!existsSync(path)) {
    throw new InputError({ file: path }, 'the trace is not here; this case needs the shared data');
  }
  const [header = '', ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const names = header.split(',');
  const indices = columns.map((column) => {
    const index = names.indexOf(column);
    if (index < 0) throw new InputError({ file: path }, `expected a column ${column}`);
    return index;
  });
  const shapes = new Map<string, number>();
  for (const line of lines) {
    const cells = line.split(',');
    const key = indices.map((index) => cells[index]).join('|');
    shapes.set(key, (shapes.get(key) ?? 0) + 1);
  }
  return shapes;
}

function gpuWorkload({ pods, classes }: WorkloadSize): Workload {
  // The most frequent shapes where fewer classes are asked for than the trace has.
  const shapes = [...readShapes()]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, classes);
  const counts = splitByWeight(
    pods,
    shapes.map(([, count]) => count),
  );
  const groups = shapes.map(([key], i) => {
    const [cpu = 0, memory = 0, gpus = 0] = key.split('|').map(Number);
    return podGroup(`openb-${i}`, counts[i]!, {
      cpuMilli: Math.max(cpu, leastCpuMilli),
      memoryMiB: Math.max(memory, leastMemoryMiB),
      gpus,
    });
  });
  const pool = nodePool({
    name: 'default',
    requirements: [
      oneOf('karpenter.k8s.aws/instance-category', 'c', 'm', 'r', 'g', 'p'),
      { key: 'karpenter.k8s.aws/instance-generation', operator: 'Gt', values: ['3'] },
      oneOf('kubernetes.io/arch', 'amd64'),
      oneOf('karpenter.sh/capacity-type', 'on-demand'),
    ],
  });
  return workload(groups, [pool]);
}

export const gpuCases: readonly BenchCase[] = [
  {
    name: 'gpu',
    description: 'Shapes of the openb production GPU trace (cpu, memory, whole GPUs), on-demand.',
    defaultPods: 8152,
    defaultClasses: 112,
    karpenter: true,
    build: gpuWorkload,
  },
];
