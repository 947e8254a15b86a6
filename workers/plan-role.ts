/**
 * The plan search behind one interface, whether it runs in this thread or in another.
 *
 * `begin` asks for a round, `end` waits for it: between the two the bound search does its own round.
 * In one thread the round is done in `end`. The order of work, and so the result, is the same.
 */
import { once } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import type { PackingProblem } from '../core/packing/problem.ts';
import type { Bin, SolveOptions } from '../core/packing/solution.ts';
import { createMaster, prepareMaster } from './create-master.ts';
import type { DualPoint } from './lagrangian.ts';
import { PlanSearch } from './plan-search.ts';
import { uniformProblem } from './problem-object.ts';
import type { PlanReply, PlanReport, PlanRequest, PlanResult } from './protocol.ts';
import { type ReducedProblem, reduce } from './reduce.ts';
import { type WarmColumn, warmPatterns } from './warm-state.ts';

export interface PlanRole {
  /** `guide`: the bound search's best duals before this round, null if unchanged. */
  begin(guide: DualPoint | null): void;
  end(): Promise<PlanReport>;
  finish(): Promise<PlanResult>;
}

function report(search: PlanSearch): PlanReport {
  return {
    kind: 'report',
    cost: search.money,
    idle: search.idle,
    columns: search.cg.columns.length,
  };
}

function result(search: PlanSearch): PlanResult {
  return { kind: 'result', bins: search.bins(), warm: search.warmColumns() };
}

/** The plan search in this thread. */
export function localPlanRole(
  p: ReducedProblem,
  firstPlan: readonly Bin[],
  options: SolveOptions,
  warm: readonly WarmColumn[],
  stop: () => boolean,
): PlanRole {
  const search = new PlanSearch(
    p,
    firstPlan,
    options.seed,
    (rows) => createMaster(options.master, rows),
    warmPatterns(p, warm),
  );
  let guide: DualPoint | null = null;
  return {
    begin: (point) => {
      guide = point;
    },
    end: () => {
      search.round(guide, stop);
      return Promise.resolve(report(search));
    },
    finish: () => {
      const answer = result(search);
      search.dispose();
      return Promise.resolve(answer);
    },
  };
}

/** The plan search on the thread at the other end of the port. */
export function remotePlanRole(
  port: MessagePort,
  problem: PackingProblem,
  firstPlan: readonly Bin[],
  options: SolveOptions,
  deadlineEpochMs: number,
  warm: readonly WarmColumn[],
): PlanRole {
  const send = (request: PlanRequest): void => port.postMessage(request);
  // The port closes when the other thread dies: an answer that will never come ends as an error.
  const closed = once(port, 'close').then((): PlanReply => {
    return { kind: 'failure', message: 'it closed its port without an answer' };
  });
  const receive = async (): Promise<PlanReply> => {
    const message = once(port, 'message').then(([reply]) => reply as PlanReply);
    const reply = await Promise.race([message, closed]);
    if (reply.kind === 'failure') throw new Error(`plan thread: ${reply.message}`);
    return reply;
  };
  send({ kind: 'start', problem, firstPlan, options, deadlineEpochMs, warm });
  let answer: Promise<PlanReply> | null = null;
  return {
    begin: (guide) => {
      answer = receive();
      // Reported where it is awaited; a solve that fails before that must not fail twice.
      answer.catch(() => undefined);
      send({ kind: 'round', guide });
    },
    end: async () => (await answer) as PlanReport,
    finish: async () => {
      const last = receive();
      send({ kind: 'finish' });
      const reply = await last;
      port.close();
      return reply as PlanResult;
    },
  };
}

/** The other end: serves requests, one after another, until the first end closes the port. */
export function servePlanRole(port: MessagePort, aborted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    let search: PlanSearch | null = null;
    let stop = aborted;
    const reply = (message: PlanReply): void => port.postMessage(message);
    const serve = async (request: PlanRequest): Promise<void> => {
      if (request.kind === 'start') {
        const { options, problem, firstPlan, deadlineEpochMs, warm } = request;
        await prepareMaster(options.master);
        stop = () => aborted() || performance.timeOrigin + performance.now() > deadlineEpochMs;
        const make = (rows: readonly number[]) => createMaster(options.master, rows);
        const p = reduce(uniformProblem(problem));
        search = new PlanSearch(p, firstPlan, options.seed, make, warmPatterns(p, warm));
      } else if (search === null) throw new Error('a round before the start');
      else if (request.kind === 'round') {
        search.round(request.guide, stop);
        reply(report(search));
      } else {
        reply(result(search));
      }
    };
    const fail = (error: unknown): void => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      reply({ kind: 'failure', message });
    };
    // Requests wait for each other: the first has to load the LP library.
    let last: Promise<void> = Promise.resolve();
    port.on('message', (request: PlanRequest) => {
      last = last.then(() => serve(request)).catch(fail);
    });
    port.on('close', () => {
      search?.dispose();
      resolve();
    });
  });
}
