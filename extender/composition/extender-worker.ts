/**
 * The thread that answers kube-scheduler.
 *
 * In: where to listen, then nodes as they change. Out: the extender's server, its metrics as text.
 * It holds nothing but the node table, so that no plan, watch or page keeps a scheduler waiting. The
 * bind verb is handed to the main thread, which has the connection to the API server. It only wires;
 * what it wires is tested by itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { InputError } from '../../core/errors.ts';
import { type BindOutcome, ClusterError, type PodIdentity } from '../../core/ports.ts';
import { systemClock } from '../adapters/system.ts';
import { createLog } from '../log.ts';
import { NodeTable } from '../node-table.ts';
import { startExtenderServer } from '../server/extender-server.ts';
import { createVerbMetrics } from '../verb-metrics.ts';
import type { FromExtender, ToExtender, WorkerTask } from './extender-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('this is the entry of a thread');
const { options, logLevel, version } = workerData as WorkerTask;
const nodes = new NodeTable();
const { registry, extender: metrics } = createVerbMetrics();
const waiting = new Map<
  number,
  { resolve: (outcome: BindOutcome) => void; reject: (error: Error) => void }
>();
let nextBind = 0;

function send(message: FromExtender): void {
  port?.postMessage(message);
}

function bind(pod: PodIdentity, nodeName: string): Promise<BindOutcome> {
  const id = nextBind;
  nextBind += 1;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    send({ type: 'bind', id, pod, nodeName });
  });
}

/** Requests that are under way must not be kept by an answer that never comes: bind has a timeout. */
const binder = {
  bind: async (pod: PodIdentity, nodeName: string, { signal }: { signal?: AbortSignal } = {}) => {
    const answer = bind(pod, nodeName);
    if (signal === undefined) return await answer;
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () =>
          reject(new ClusterError('Unavailable', 'no answer in time', { mayHaveHappened: true })),
        );
      }),
    ]);
  },
};

try {
  const server = await startExtenderServer({
    ...options,
    nodes,
    binder,
    clock: systemClock,
    metrics,
    log: createLog({ level: logLevel, version }),
  });
  port.on('message', (message: ToExtender) => {
    switch (message.type) {
      case 'nodes':
        for (const name of message.deleted) nodes.delete(name);
        for (const node of message.put) nodes.put(node);
        return;
      case 'bound': {
        const waiter = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error === undefined) waiter?.resolve(message.outcome as BindOutcome);
        else waiter?.reject(new ClusterError(message.error.code, message.error.message));
        return;
      }
      case 'metrics':
        void registry.metrics().then((text) => send({ type: 'metrics', id: message.id, text }));
        return;
      case 'close':
        void server.close().finally(() => {
          send({ type: 'closed' });
          port.close();
        });
    }
  });
  send({ type: 'listening', url: server.url, port: server.port });
} catch (error) {
  const isInput = error instanceof InputError;
  send({
    type: 'failed',
    message: error instanceof Error ? error.message : String(error),
    location: isInput ? error.location : undefined,
  });
}
