/**
 * The CloudProvider port for a process whose cloud lives elsewhere (see cloud-wire.ts).
 *
 * In: the cloud's address. Out: the port. What cannot be reached is `unavailable`, as the port
 * promises; anything that the cloud itself says is passed on as it is.
 */
import { Agent, request as httpRequest } from 'node:http';
import { CloudError, type CloudProvider } from '../../core/cloud-port.ts';
import type { CallOptions } from '../../core/ports.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { CloudCalls, CloudRefusal } from './cloud-wire.ts';

export interface RemoteCloud extends CloudProvider {
  /** Closes idle connections. */
  close(): void;
}

/** One call; a launch takes as long as the simulated EC2's latency. */
const callDeadlineMs = 30_000;
const connectionsMax = 32;
/** Node classes whose types are kept. */
const keptMax = 64;

export function createRemoteCloud(url: string): RemoteCloud {
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  const kept = new Map<string, { version: number; types: readonly InstanceType[] }>();

  async function call<Call extends keyof CloudCalls>(
    name: Call,
    question: CloudCalls[Call]['question'],
    { signal }: CallOptions = {},
  ): Promise<CloudCalls[Call]['answer']> {
    const { status, text } = await post(agent, new URL(`/${name}`, url), question, signal);
    const body: unknown = JSON.parse(text);
    if (status === 200) return body as CloudCalls[Call]['answer'];
    if (status !== 503) throw new Error(`${name}: ${status} ${text}`);
    const { code, message } = body as CloudRefusal;
    throw new CloudError(code, message);
  }

  return {
    instanceTypes: async (nodeClass, options) => {
      const { name, uid = '' } = nodeClass.metadata;
      const key = `${name}/${uid}`;
      const known = kept.get(key);
      const knownVersion = known?.version ?? 0;
      const answer = await call('instance-types', { nodeClass, knownVersion }, options);
      if (answer.types === undefined) return known?.types ?? [];
      if (kept.size >= keptMax) kept.clear();
      kept.set(key, { version: answer.version, types: answer.types });
      return answer.types;
    },
    launch: async (request, options) => {
      try {
        return await call('launch', request, options);
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        const { message } = error;
        return {
          outcome: 'failed',
          failure: 'unavailable',
          message,
          exhausted: [],
          retryAfterMs: 0,
        };
      }
    },
    list: async (options) => (await call('list', {}, options)).instances,
    get: async (providerID, options) => (await call('get', { providerID }, options)).instance,
    tag: async (providerID, tags, options) =>
      void (await call('tag', { providerID, tags }, options)),
    terminate: async (providerID, options) =>
      (await call('terminate', { providerID }, options)).outcome,
    close: () => agent.destroy(),
  };
}

async function post(
  agent: Agent,
  url: URL,
  body: object,
  signal: AbortSignal | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  const deadline = AbortSignal.timeout(callDeadlineMs);
  const ended = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  try {
    return await new Promise((resolve, reject) => {
      const request = httpRequest(url, { method: 'POST', agent, signal: ended }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.once('error', reject);
      request.end(JSON.stringify(body));
    });
  } catch (error) {
    signal?.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    throw new CloudError('unavailable', `${url.pathname}: ${message}`, error);
  }
}
