/**
 * The extender's server in a thread of its own, seen from the main thread.
 *
 * In: where to listen, who binds. Out: a running server, the door through which nodes are told to
 * it, its metrics. Changes of one turn go in one message. A thread that dies is a bug, and is told
 * through `done`. It decides nothing.
 */
import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { InputError } from '../../core/errors.ts';
import { ClusterError } from '../../core/ports.ts';
import type { ExtenderNode, ExtenderNodes } from '../../core/scheduling/extender-view.ts';
import type { LogLevel } from '../log.ts';
import { closeTimeoutMs } from '../server/limits.ts';
import type { Binder } from '../verbs/bind.ts';
import type { FromExtender, ToExtender, WorkerListen, WorkerTask } from './extender-protocol.ts';

export interface ExtenderThreadOptions {
  readonly listen: WorkerListen;
  readonly binder: Binder;
  readonly logLevel: LogLevel;
  readonly version: string;
}

export interface ExtenderThread {
  readonly url: string;
  readonly port: number;
  /** Whoever follows the cluster tells changes here. */
  readonly nodes: ExtenderNodes;
  /** The verbs' metrics in Prometheus' text format; '' if the thread does not answer in time. */
  metrics(): Promise<string>;
  /** Rejects if the thread dies. */
  readonly done: Promise<void>;
  close(): Promise<void>;
}

/** A scrape waits no longer for a busy thread. */
const metricsTimeoutMs = 2_000;

/** Starts listening. @throws InputError as `startExtenderServer` does */
export async function startExtenderThread(options: ExtenderThreadOptions): Promise<ExtenderThread> {
  const { listen, logLevel, version, binder } = options;
  const workerData: WorkerTask = { options: listen, logLevel, version };
  const file = new URL(`./extender-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(file, {
    workerData,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const thread = new Thread(worker, binder);
  const first = await thread.start();
  if (first.type === 'failed') {
    await worker.terminate();
    throw first.location === undefined
      ? new Error(first.message)
      : new InputError({}, first.message);
  }
  return {
    url: first.url,
    port: first.port,
    nodes: thread,
    metrics: () => thread.metrics(),
    done: thread.done,
    close: () => thread.close(),
  };
}

class Thread implements ExtenderNodes {
  readonly done: Promise<void>;
  readonly #worker: Worker;
  readonly #binder: Binder;
  readonly #scrapes = new Map<number, (text: string) => void>();
  #nextScrape = 0;
  #put = new Map<string, ExtenderNode>();
  #deleted = new Set<string>();
  #isFlushing = false;
  #isClosing = false;

  constructor(worker: Worker, binder: Binder) {
    this.#worker = worker;
    this.#binder = binder;
    this.done = new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', (code) => {
        if (this.#isClosing) resolve();
        else reject(new Error(`the thread of the extender ended with code ${code}`));
      });
    });
    this.done.catch(() => undefined);
  }

  async start(): Promise<Extract<FromExtender, { type: 'listening' | 'failed' }>> {
    const [message] = (await Promise.race([
      once(this.#worker, 'message'),
      this.done.then(() => {
        throw new Error('the thread of the extender ended at once');
      }),
    ])) as [FromExtender];
    if (message.type !== 'listening' && message.type !== 'failed') {
      throw new Error(`unexpected first message: ${message.type}`);
    }
    if (message.type === 'failed') this.#isClosing = true;
    this.#worker.on('message', (next: FromExtender) => this.#receive(next));
    return message;
  }

  put(node: ExtenderNode): void {
    this.#deleted.delete(node.name);
    this.#put.set(node.name, node);
    this.#flushSoon();
  }

  delete(name: string): void {
    this.#put.delete(name);
    this.#deleted.add(name);
    this.#flushSoon();
  }

  metrics(): Promise<string> {
    const id = this.#nextScrape;
    this.#nextScrape += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#scrapes.delete(id);
        resolve('');
      }, metricsTimeoutMs);
      this.#scrapes.set(id, (text) => {
        clearTimeout(timer);
        resolve(text);
      });
      this.#send({ type: 'metrics', id });
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#send({ type: 'close' });
    const timer = setTimeout(() => void this.#worker.terminate(), closeTimeoutMs);
    await this.done.catch(() => undefined);
    clearTimeout(timer);
  }

  #send(message: ToExtender): void {
    this.#worker.postMessage(message);
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      const message: ToExtender = {
        type: 'nodes',
        put: [...this.#put.values()],
        deleted: [...this.#deleted],
      };
      this.#put = new Map();
      this.#deleted = new Set();
      this.#send(message);
    });
  }

  #receive(message: FromExtender): void {
    if (message.type === 'bind') {
      void this.#bind(message);
    } else if (message.type === 'metrics') {
      this.#scrapes.get(message.id)?.(message.text);
      this.#scrapes.delete(message.id);
    }
  }

  async #bind({ id, pod, nodeName }: Extract<FromExtender, { type: 'bind' }>): Promise<void> {
    try {
      this.#send({ type: 'bound', id, outcome: await this.#binder.bind(pod, nodeName) });
    } catch (error) {
      const code = error instanceof ClusterError ? error.code : 'Unavailable';
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ type: 'bound', id, error: { code, message } });
    }
  }
}
