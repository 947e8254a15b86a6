/**
 * A server that answers as it is told, on loopback, for tests of the client's own behaviour. What a
 * real API server says is in the contract suite.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../../core/ports.ts';
import {
  createKubernetesClient,
  type KubernetesClient,
} from '../../../../extender/adapters/kubernetes/cluster-client.ts';
import type { Connection } from '../../../../extender/adapters/kubernetes/connection.ts';
import {
  createTransport,
  defaultTransportOptions,
  type TransportOptions,
} from '../../../../extender/adapters/kubernetes/transport.ts';
import { systemClock } from '../../../../extender/adapters/system.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

export type Answer = (seen: Seen, response: ServerResponse) => void;

export interface FakeServer {
  readonly seen: Seen[];
  readonly client: KubernetesClient;
  /** How long the client waited between attempts. */
  readonly waitsMs: number[];
  close(): Promise<void>;
}

/** Starts a server; each request is answered by the next of `answers`, the last one for ever. */
export async function fakeServer(
  answers: readonly Answer[],
  options: {
    readonly transport?: Partial<TransportOptions>;
    readonly tokens?: readonly string[];
  } = {},
): Promise<FakeServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((text) => {
      const one: Seen = {
        method: request.method ?? '',
        url: request.url ?? '',
        authorization: request.headers.authorization,
        contentType: request.headers['content-type'],
        body: text === '' ? undefined : JSON.parse(text),
      };
      const answer = answers[Math.min(seen.length, answers.length - 1)];
      seen.push(one);
      answer?.(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tokens = [...(options.tokens ?? ['token'])];
  const connection: Connection = {
    server: `http://127.0.0.1:${port}/prefix`,
    namespace: 'default',
    credentials: async () => {
      const token = tokens.length > 1 ? tokens.shift() : tokens[0];
      return { headers: { Authorization: `Bearer ${token}` }, tls: {} };
    },
  };
  const waitsMs: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep: async (durationMs) => {
      waitsMs.push(durationMs);
    },
  };
  const client = createKubernetesClient(connection, {
    clock,
    random: { float: () => 0.5, integer: () => 0 },
    transport: createTransport(connection, { ...defaultTransportOptions, ...options.transport }),
  });
  return {
    seen,
    client,
    waitsMs,
    close: async () => {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A JSON answer. */
export function json(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return (_seen, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

/** A refusal as the API server words it. */
export function status(code: number, reason: string, details: object = {}): Answer {
  return json(code, { kind: 'Status', code, reason, message: `${reason} it is`, details });
}

/** The connection ends without an answer. */
export const hangUp: Answer = (_seen, response) => {
  response.socket?.destroy();
};

/** No answer, and no end. */
export const silence: Answer = () => undefined;

/** An object as the server would return it. */
export function pod(over: { metadata?: object; spec?: object } = {}): object {
  return {
    kind: 'Pod',
    metadata: {
      namespace: 'default',
      name: 'a',
      uid: 'u',
      resourceVersion: '5',
      managedFields: [{ manager: 'x' }],
      ...over.metadata,
    },
    spec: { containers: [{ name: 'main' }], ...over.spec },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += chunk;
  return text;
}
