/**
 * The Solver port on a pool of worker threads (Piscina).
 *
 * In: a problem and options. Out: a promise of a solution; progress on the way. One solve uses one
 * thread, or two in lockstep. Aborting asks the threads to stop and still resolves, with the best
 * plan so far. A thread that dies rejects its solve; the pool starts another for the next.
 */
import { extname } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { OverloadError } from '../core/errors.ts';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { PackingSolution, SolveOptions, SolveProgress } from '../core/packing/solution.ts';
import type { AbortFlag, PlanTask, SolveAnswer, SolveTask, WarmUpTask } from './protocol.ts';
import type { WarmState } from './warm-state.ts';

/** Solves that may wait for a thread; more are refused. */
const queueMax = 16;
/** A worker that outlives its deadline by this is killed. */
const overrunMs = 60_000;

export interface SolverPool {
  /** @throws OverloadError if a thread gets so little processor time that it has to be killed */
  solve(
    problem: PackingProblem,
    options: SolveOptions,
    signal?: AbortSignal,
    onProgress?: SolveProgress,
  ): Promise<PackingSolution>;
  /**
   * Starts every thread and has it practise for about half a second, so that the first solve finds
   * compiled code. Threads of a pool that is not `warm` end when idle, and what they learned with
   * them. Resolves when all are done; a solve asked for meanwhile waits.
   */
  warmUp(master?: SolveOptions['master']): Promise<void>;
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly threads: number;
  /**
   * Start each solve from what the one before left. Faster for like problems in a row; the answer
   * then depends on the order of solves, so `stowage plan` leaves it off. Its threads stay.
   */
  readonly warm?: boolean;
}

/** A pool of `threads` worker threads; they start with the first solve or, if `warm`, at once. */
export function createSolverPool({ threads, warm = false }: PoolOptions): SolverPool {
  let state: WarmState | null = null;
  const size = Math.max(1, threads);
  const pool = new Piscina({
    filename: new URL(`./solve${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: warm ? size : 0,
    maxThreads: size,
    maxQueue: queueMax,
    idleTimeout: 60_000,
    // Workers that wait in Atomics would not let go of message ports.
    atomics: 'disabled',
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  return {
    async solve(problem, options, signal, onProgress) {
      const abort: AbortFlag = new Int32Array(new SharedArrayBuffer(4));
      const giveUp = (): void => {
        Atomics.store(abort, 0, 1);
      };
      if (signal?.aborted === true) giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      const kill = AbortSignal.timeout(Math.ceil(options.timeLimitMs) + overrunMs);
      const progress = onProgress === undefined ? null : new MessageChannel();
      progress?.port1.on('message', (numbers: Parameters<SolveProgress>) =>
        onProgress?.(...numbers),
      );
      const pair = options.threads > 1 && threads > 1 ? new MessageChannel() : null;
      try {
        const main: SolveTask = {
          kind: 'solve',
          problem,
          options,
          abort,
          warm: state,
          progress: progress?.port2 ?? null,
          plan: pair?.port1 ?? null,
        };
        const transfer = [progress?.port2, pair?.port1].filter((port) => port !== undefined);
        const runs: Promise<unknown>[] = [pool.run(main, { transferList: transfer, signal: kill })];
        if (pair !== null) {
          const second: PlanTask = { kind: 'plan', port: pair.port2, abort };
          runs.push(pool.run(second, { transferList: [pair.port2], signal: kill }));
        }
        const [solution] = await Promise.all(runs);
        const answer = solution as SolveAnswer;
        if (warm) state = answer.warm;
        return answer.solution;
      } catch (error) {
        if (!kill.aborted) throw error;
        const seconds = overrunMs / 1_000;
        const message = `no answer ${seconds} s after its time was up: too little processor time`;
        throw new OverloadError(message, { cause: error });
      } finally {
        // If one half failed the other must not wait for it.
        giveUp();
        signal?.removeEventListener('abort', giveUp);
        progress?.port1.close();
      }
    },
    async warmUp(master = 'glpk') {
      const task: WarmUpTask = { kind: 'warm-up', master };
      // One thread takes one task at a time: as many tasks reach every thread.
      await Promise.all(Array.from({ length: size }, () => pool.run(task)));
    },
    close: () => pool.close(),
  };
}
