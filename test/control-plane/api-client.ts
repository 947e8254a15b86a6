// The smallest client of a Kubernetes API server: requests and watches.
//
// In:  the server's address, its authority, a bearer token.
// Out: statuses and bodies as they came, so that a test can look at a 409.
// Deliberately not the client the product uses: a test that watched the cluster
// through the product's own client would share its mistakes.

import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';

/** An answer of the API server. */
export interface ApiResponse<Body> {
  readonly status: number;
  readonly body: Body;
}

/** One line of a watch. */
export interface WatchEvent<Item> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Item;
}

/** Who calls whom. */
export interface ApiClientOptions {
  readonly apiUrl: string;
  readonly authorityCertificate: string;
  readonly token: string;
}

/** There was no answer: refused, timed out or cut off. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** There was an answer, and it was not 2xx. */
export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The calls. Without an answer each of them throws {@link UnreachableError}. */
export interface ApiClient {
  /** Answers whatever the status is. Sends `body` as JSON; a PATCH is a merge patch unless `contentType` says otherwise. */
  send<Body>(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<ApiResponse<Body>>;
  /** The body of the answer; throws {@link ApiStatusError} unless the status is 2xx. */
  expect<Body>(method: string, path: string, body?: unknown, contentType?: string): Promise<Body>;
  /** Calls `onEvent` for each event until the server ends the watch; what `onEvent` throws ends it too. */
  watch<Item>(
    path: string,
    onEvent: (event: WatchEvent<Item>) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Closes idle connections. */
  close(): void;
}

/** One call. A whole list of 20,000 pods takes a few seconds on two busy cores. */
const REQUEST_DEADLINE_MS = 60_000;
/** Parallel connections; a burst of creations waits here instead of opening hundreds. */
const CONNECTIONS_MAX = 64;

/** A client. Opens no connection until it is used. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const agent = new Agent({
    ca: options.authorityCertificate,
    keepAlive: true,
    maxSockets: CONNECTIONS_MAX,
  });
  // Watches live as long as the test; they must not use up the places of ordinary calls.
  const watchAgent = new Agent({ ca: options.authorityCertificate });

  async function open(
    method: string,
    path: string,
    payload: string | undefined,
    contentType: string,
    signal: AbortSignal,
    over: Agent,
  ): Promise<IncomingMessage> {
    return await new Promise((resolve, reject) => {
      const headers: Record<string, string> = {
        Authorization: `Bearer ${options.token}`,
        Accept: 'application/json',
      };
      if (payload !== undefined) {
        headers['Content-Type'] = contentType;
        // Node leaves it out where a method has no body as a rule, such as DELETE.
        headers['Content-Length'] = String(Buffer.byteLength(payload));
      }
      const request = httpsRequest(
        new URL(path, options.apiUrl),
        { method, headers, agent: over, signal },
        resolve,
      );
      request.once('error', (cause) =>
        reject(new UnreachableError(`${method} ${path}: ${cause.message}`, { cause })),
      );
      request.end(payload);
    });
  }

  async function send<Body>(
    method: string,
    path: string,
    body?: unknown,
    contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
  ): Promise<ApiResponse<Body>> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const signal = AbortSignal.timeout(REQUEST_DEADLINE_MS);
    const response = await open(method, path, payload, contentType, signal, agent);
    const text = await readText(response);
    return { status: response.statusCode ?? 0, body: parseBody(text) as Body };
  }

  return {
    send,
    expect: async <Body>(method: string, path: string, body?: unknown, contentType?: string) => {
      const response = await send<Body>(method, path, body, contentType);
      if (response.status < 200 || response.status > 299) {
        throw new ApiStatusError(
          response.status,
          `${method} ${path}: ${response.status} ${JSON.stringify(response.body)}`,
        );
      }
      return response.body;
    },
    watch: async <Item>(
      path: string,
      onEvent: (event: WatchEvent<Item>) => void,
      signal: AbortSignal,
    ) => {
      const response = await open('GET', path, undefined, '', signal, watchAgent);
      if (response.statusCode !== 200) {
        const status = response.statusCode ?? 0;
        throw new ApiStatusError(status, `watch ${path}: ${status} ${await readText(response)}`);
      }
      for await (const line of lines(response)) onEvent(JSON.parse(line) as WatchEvent<Item>);
    },
    close: () => {
      agent.destroy();
      watchAgent.destroy();
    },
  };
}

/** Not node:readline: that one hides the error of a connection that is cut off. */
async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts(response)) {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let whole = '';
  for await (const text of texts(response)) whole += text;
  return whole;
}

async function* texts(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) yield String(chunk);
  } catch (cause) {
    throw new UnreachableError('the connection was cut off', { cause });
  }
}

/** Answers to objects are JSON, answers of /readyz and the like are plain text. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
