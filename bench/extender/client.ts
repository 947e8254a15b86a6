/**
 * kube-scheduler's part in the bench: asks, waits, asks again.
 *
 * In: a `ClientTask` from the parent process. Out: how long each answer took. A process of its own,
 * as the scheduler is; one call at a time, as the scheduler's scheduling cycle makes them, filter
 * and prioritize in turn.
 */
import { Agent, request } from 'node:http';
import { connect, constants } from 'node:http2';
import { namesRequest, nodeNames } from './requests.ts';

export interface ClientTask {
  readonly url: string;
  readonly names: number;
  readonly calls: number;
  readonly warmUpCalls: number;
  /** Over HTTP/2 with these; over plain HTTP/1.1 without. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** Milliseconds of each call after the warm-up. */
export type ClientReport = Readonly<Record<'filter' | 'prioritize', readonly number[]>>;

/** An answer fits without waiting for window updates, as with Go's client. */
const windowBytes = 2 ** 22;

type Send = (verb: string, body: Buffer) => Promise<number>;

function overHttp1(url: string): { send: Send; close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { 'content-type': 'application/json' };
  const send: Send = async (verb, body) =>
    await new Promise((resolve, reject) => {
      const call = request(`${url}/${verb}`, { method: 'POST', agent, headers });
      call.once('error', reject);
      call.once('response', (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      });
      call.setHeader('content-length', body.length);
      call.end(body);
    });
  return { send, close: () => agent.destroy() };
}

function overHttp2(url: string, tls: ClientTask['tls']): { send: Send; close: () => void } {
  const { origin, pathname } = new URL(url);
  const session = connect(origin, { ...tls });
  session.once('connect', () => session.setLocalWindowSize(windowBytes));
  const send: Send = async (verb, body) =>
    await new Promise((resolve, reject) => {
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: `${pathname}/${verb}`,
        'content-type': 'application/json',
        'content-length': body.length,
      });
      let status = 0;
      stream.once('error', reject);
      stream.once('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.once('end', () => resolve(status));
      stream.resume();
      stream.end(body);
    });
  return { send, close: () => session.close() };
}

async function run(task: ClientTask): Promise<ClientReport> {
  const { send, close } =
    task.tls === undefined ? overHttp1(task.url) : overHttp2(task.url, task.tls);
  const names = nodeNames(task.names);
  const bodies = {
    filter: namesRequest('filter', names),
    prioritize: namesRequest('prioritize', names),
  };
  const report = { filter: [] as number[], prioritize: [] as number[] };
  for (let call = -task.warmUpCalls; call < task.calls; call += 1) {
    for (const verb of ['filter', 'prioritize'] as const) {
      const startMs = performance.now();
      const status = await send(verb, bodies[verb]);
      if (status !== 200) throw new Error(`${verb}: status ${status}`);
      if (call >= 0) report[verb].push(performance.now() - startMs);
    }
  }
  close();
  return report;
}

process.once('message', (task) => {
  void run(task as ClientTask).then((report) => {
    process.send?.(report);
    process.disconnect();
  });
});
