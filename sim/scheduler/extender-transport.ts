/**
 * How the model scheduler reaches an extender.
 *
 * In: a verb and a JSON value. Out: the JSON value of the answer, or an ExtenderFailure: as with the
 * real scheduler only status 200 with a JSON body counts. Over HTTP in `npm start`, straight into
 * the handlers' bytes in tests.
 */
import { Agent, request } from 'node:http';
import type { Clock } from '../../core/ports.ts';

export type ExtenderVerb = 'filter' | 'prioritize' | 'preempt' | 'bind';

/** No answer, or none that counts. */
export class ExtenderFailure extends Error {
  override readonly name = 'ExtenderFailure';
}

export interface ExtenderTransport {
  /** @throws ExtenderFailure */
  call(verb: ExtenderVerb, body: object): Promise<unknown>;
}

/** What a handler makes of a body. */
export interface HandlerAnswer {
  readonly status: number;
  readonly body: string | Buffer;
}

/**
 * Calls a handler in this process. `latencyMs` of the clock pass before; a handler that rejects is a
 * bug and is passed on.
 */
export function directTransport(
  clock: Clock,
  handle: (verb: ExtenderVerb, body: Buffer) => HandlerAnswer | Promise<HandlerAnswer>,
  latencyMs: () => number,
): ExtenderTransport {
  return {
    call: async (verb, body) => {
      await clock.sleep(latencyMs());
      const answer = await handle(verb, Buffer.from(JSON.stringify(body)));
      return parse(verb, answer.status, answer.body.toString());
    },
  };
}

/** As many as the real scheduler keeps idle to one host; binds come in parallel. */
const connectionsMax = 64;

/** Calls `baseUrl/verb` over HTTP/1.1 and waits `timeoutMs` of real time at most. */
export function httpTransport(
  baseUrl: string,
  timeoutMs: number,
): ExtenderTransport & { close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const base = baseUrl.replace(/\/$/, '');
  return {
    call: async (verb, body) => {
      const payload = Buffer.from(JSON.stringify(body));
      const headers = { 'Content-Type': 'application/json', 'Content-Length': payload.length };
      const signal = AbortSignal.timeout(timeoutMs);
      return await new Promise<unknown>((resolve, reject) => {
        const fail = (error: Error): void =>
          reject(new ExtenderFailure(`${verb}: ${error.message}`));
        const call = request(
          `${base}/${verb}`,
          { method: 'POST', headers, agent, signal },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.once('error', fail);
            response.once('end', () => {
              try {
                resolve(parse(verb, response.statusCode ?? 0, Buffer.concat(chunks).toString()));
              } catch (error) {
                reject(error);
              }
            });
          },
        );
        call.once('error', fail);
        call.end(payload);
      });
    },
    close: () => agent.destroy(),
  };
}

function parse(verb: ExtenderVerb, status: number, text: string): unknown {
  if (status !== 200) throw new ExtenderFailure(`${verb}: status ${status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new ExtenderFailure(`${verb}: the answer is not JSON`);
  }
}
