// One process of the control plane, kept running as a kubelet keeps a static pod.
//
// In:  a command line, a log file, a probe that says when it is ready.
// Out: a handle to start, stop, kill, freeze and restart it.
// It does not know which component it runs. A process that ends by itself after
// it was ready is started again (kube-scheduler does so whenever it loses its
// Lease) and counted; one that never becomes ready is an error that shows its log.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** What {@link createComponent} runs. */
export interface ComponentOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Beside our own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** One look at the component; it may also reject while nothing listens yet. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  /** Called with every process that is started. */
  readonly onStarted: (pid: number) => void;
}

/** A handle to one component. */
export interface Component {
  readonly name: string;
  readonly logPath: string;
  /** The running process, if any. */
  readonly pid: number | undefined;
  /** How often the process ended by itself and was started again. */
  readonly restarts: number;
  /** How the process before the running one ended; its exit code, or the signal that ended it. */
  readonly lastEnd: number | NodeJS.Signals | undefined;
  /** Starts it and waits until it is ready. */
  start(): Promise<void>;
  /** Asks it to end, insists after {@link STOP_GRACE_MS}, and waits until it has. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would, and leaves it down. */
  kill(): Promise<void>;
  /** {@link stop}, then {@link start}, on the same ports and files. */
  restart(): Promise<void>;
  /** Freezes the process: its connections stay open and answer nothing. */
  suspend(): void;
  /** Ends {@link suspend}. */
  resume(): void;
  /** Waits until the probe succeeds. */
  waitUntilReady(): Promise<void>;
  /** Waits until it has ended by itself `count` times and is ready again. */
  waitUntilRestarted(count: number): Promise<void>;
  /** For the end of this process, when nothing can be awaited any more. */
  killSync(): void;
}

/** kube-apiserver takes 2 to 4 s on an idle machine; a busy one with 2 cores has taken 20. */
const READY_DEADLINE_MS = 90_000;
/** After this an orderly stop becomes a kill. */
export const STOP_GRACE_MS = 15_000;
/** One look at a component. */
const PROBE_DEADLINE_MS = 2_000;
const PROBE_INTERVAL_MS = 25;
/** A component that ended by itself comes back after this long. */
const RESTART_DELAY_MS = 1_000;
/** A component that ends so often is broken and is left down. */
const RESTARTS_MAX = 50;
/** Lines of log shown when a component fails. */
const LOG_TAIL_LINES = 30;

/** A handle to a component that is not started yet. */
export function createComponent(options: ComponentOptions): Component {
  const { name, logPath } = options;
  let child: ChildProcess | undefined;
  let restarts = 0;
  let lastEnd: number | NodeJS.Signals | undefined;
  let wasReady = false;
  let restartTimer: NodeJS.Timeout | undefined;

  function launch(): void {
    const log = openSync(logPath, 'a');
    const launched = spawn(options.file, options.args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.environment },
    });
    closeSync(log);
    child = launched;
    if (launched.pid !== undefined) options.onStarted(launched.pid);
    // `spawn` that fails has no pid and reports here; waitUntilReady sees that nothing runs.
    launched.once('error', () => forget(launched));
    launched.once('exit', (code, signal) => {
      lastEnd = code ?? signal ?? undefined;
      forget(launched);
    });
  }

  function forget(ended: ChildProcess): void {
    // Not the current child: it was stopped on purpose.
    if (child !== ended) return;
    child = undefined;
    if (!wasReady || restarts >= RESTARTS_MAX) return;
    restarts += 1;
    restartTimer = setTimeout(launch, RESTART_DELAY_MS);
    restartTimer.unref();
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    clearTimeout(restartTimer);
    wasReady = false;
    const ending = child;
    child = undefined;
    if (ending === undefined || hasEnded(ending)) return;
    const exited = once(ending, 'exit');
    // A frozen process acts on SIGTERM only after it is resumed; SIGKILL needs no such help.
    if (signal === 'SIGTERM') ending.kill('SIGCONT');
    ending.kill(signal);
    const insist = setTimeout(() => ending.kill('SIGKILL'), STOP_GRACE_MS);
    await exited;
    clearTimeout(insist);
  }

  async function waitUntilReady(): Promise<void> {
    const deadlineMs = performance.now() + READY_DEADLINE_MS;
    while (performance.now() < deadlineMs) {
      if (child === undefined && !wasReady)
        throw new Error(`${name} ended before it was ready\n${await logTail()}`);
      try {
        if (await options.probe(AbortSignal.timeout(PROBE_DEADLINE_MS))) {
          wasReady = true;
          return;
        }
      } catch {
        // Nothing listens yet, or it answers too slowly: that is what is waited for.
      }
      await delay(PROBE_INTERVAL_MS);
    }
    throw new Error(`${name} was not ready after ${READY_DEADLINE_MS} ms\n${await logTail()}`);
  }

  async function waitUntilRestarted(count: number): Promise<void> {
    const deadlineMs = performance.now() + READY_DEADLINE_MS;
    const isBack = (): boolean => restarts >= count && child !== undefined;
    while (!isBack()) {
      if (performance.now() > deadlineMs) {
        throw new Error(
          `${name} was restarted ${restarts} times, not ${count}\n${await logTail()}`,
        );
      }
      await delay(PROBE_INTERVAL_MS);
    }
    await waitUntilReady();
  }

  async function logTail(): Promise<string> {
    const text = await readFile(logPath, 'utf8');
    return `last lines of ${logPath}:\n${text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')}`;
  }

  async function start(): Promise<void> {
    if (child !== undefined) throw new Error(`${name} runs already`);
    launch();
    await waitUntilReady();
  }

  return {
    name,
    logPath,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    get lastEnd() {
      return lastEnd;
    },
    start,
    waitUntilReady,
    waitUntilRestarted,
    stop: async () => await end('SIGTERM'),
    kill: async () => await end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
    suspend: () => signalOrThrow('SIGSTOP'),
    resume: () => signalOrThrow('SIGCONT'),
    killSync: () => {
      clearTimeout(restartTimer);
      const ending = child;
      child = undefined;
      ending?.kill('SIGKILL');
    },
  };

  function signalOrThrow(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (child?.kill(signal) !== true) throw new Error(`${name} does not run`);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
