/**
 * The thread entry: receives a task, calls what does it. Everything else is tested in the main
 * thread; this file only dispatches.
 */

import { servePlanRole } from './plan-role.ts';
import type { SolveAnswer, Task } from './protocol.ts';
import { solveProblem } from './solve-problem.ts';
import { warmUp } from './warm-up.ts';

const epochMs = (): number => performance.timeOrigin + performance.now();

export default function run(task: Task): Promise<SolveAnswer | undefined> {
  if (task.kind === 'warm-up') return warmUp(task.master).then(() => undefined);
  const aborted = (): boolean => Atomics.load(task.abort, 0) === 1;
  if (task.kind === 'plan') return servePlanRole(task.port, aborted).then(() => undefined);
  const { progress } = task;
  return solveProblem(task.problem, task.options, {
    epochMs,
    aborted,
    planPort: task.plan,
    warm: task.warm,
    progress: (...numbers) => progress?.postMessage(numbers),
  }).finally(() => {
    progress?.close();
    // However the solve ended, the plan thread waits at the other end until this port closes.
    task.plan?.close();
  });
}
