/**
 * HTTP calls to one API server.
 *
 * In: a connection. Out: answers with their bodies parsed, and streams of lines; whatever goes
 * wrong is a ClusterError, except that an aborted call rejects with its signal's reason. HTTP/1.1
 * on kept connections of node:https: measured against HTTP/2 and undici with 32 binds at a time it
 * made no difference (the server is the limit), and it is what kubeconfig proxies plug into. It
 * knows paths and content types as its callers give them, no kinds and no retries.
 */

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ClusterError } from '../../../core/ports.ts';
import type { Connection, Credentials, TlsOptions } from './connection.ts';
import { createLineSplitter } from './lines.ts';
import { errorOfAnswer, errorOfConnection, type StatusBody } from './status-error.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  /** By default `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON, or the text where it is none. */
  readonly body: unknown;
}

export interface TransportOptions {
  /** A call without an answer by then is given up. A page of 500 pods takes well under a second. */
  readonly callDeadlineMs: number;
  /** A watch that says nothing for so long is broken: the server sends a bookmark every minute. */
  readonly watchIdleMs: number;
  readonly userAgent: string;
}

export interface Transport {
  /** Throws ClusterError for anything but 2xx. */
  call(call: HttpCall): Promise<HttpAnswer>;
  /** Calls `onLine` for each line until the server ends the stream; what `onLine` throws ends it. */
  stream(path: string, signal: AbortSignal, onLine: (line: string) => void): Promise<void>;
  /** Closes all connections. */
  close(): void;
}

export const defaultTransportOptions: TransportOptions = {
  callDeadlineMs: 30_000,
  watchIdleMs: 150_000,
  userAgent: 'stowage',
};

/** Parallel calls; more wait here instead of opening hundreds of connections. */
const connectionsMax = 64;
/** Below the 90 s after which the API server closes an idle connection. */
const idleConnectionMs = 60_000;
/** Credentials are asked for again after this long (tokens live for an hour, some for minutes). */
const credentialsMs = 30_000;
/** An object is at most 1.5 MiB in etcd; JSON may double it. */
const lineBytesMax = 8 * 2 ** 20;
/** A page of 500 pods of 20 kB is 10 MB; nothing we ask for comes near this. */
const bodyBytesMax = 256 * 2 ** 20;

interface Session {
  readonly credentials: Credentials;
  readonly expiresMs: number;
  readonly callAgent: HttpAgent;
  readonly watchAgent: HttpAgent;
}

/** A transport. Opens no connection until it is used. */
export function createTransport(
  connection: Connection,
  options: TransportOptions = defaultTransportOptions,
): Transport {
  const base = new URL(connection.server);
  const basePath = base.pathname.replace(/\/$/, '');
  const isSecure = base.protocol === 'https:';
  let session: Session | undefined;
  let pending: Promise<Session> | undefined;

  async function renew(): Promise<Session> {
    const credentials = await connection.credentials();
    const old = session;
    const isSame = old !== undefined && isSameTls(old.credentials.tls, credentials.tls);
    session = {
      credentials,
      expiresMs: performance.now() + credentialsMs,
      callAgent: isSame ? old.callAgent : agentOf(isSecure, credentials, connectionsMax),
      watchAgent: isSame ? old.watchAgent : agentOf(isSecure, credentials, Infinity),
    };
    return session;
  }

  async function currentSession(): Promise<Session> {
    if (session !== undefined && performance.now() < session.expiresMs) return session;
    pending ??= renew().finally(() => {
      pending = undefined;
    });
    return await pending;
  }

  async function open(call: HttpCall, isWatch: boolean, signal: AbortSignal): Promise<Opened> {
    const { credentials, callAgent, watchAgent } = await currentSession();
    const payload = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const headers: OutgoingHttpHeaders = {
      Accept: 'application/json',
      'User-Agent': options.userAgent,
      ...credentials.headers,
    };
    if (payload !== undefined) {
      headers['Content-Type'] = call.contentType ?? 'application/json';
      headers['Content-Length'] = payload.length;
    }
    return await new Promise((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(
        {
          protocol: base.protocol,
          hostname: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: `${basePath}${call.path}`,
          method: call.method,
          headers,
          agent: credentials.agent ?? (isWatch ? watchAgent : callAgent),
          signal,
        },
        (response) => resolve({ request, response }),
      );
      request.once('error', reject);
      request.end(payload);
    });
  }

  async function once(call: HttpCall): Promise<HttpAnswer> {
    const isWrite = call.method !== 'GET';
    const name = `${call.method} ${call.path.split('?', 1)[0]}`;
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new Error(`no answer within ${options.callDeadlineMs} ms`)),
      options.callDeadlineMs,
    );
    const signal =
      call.signal === undefined ? deadline.signal : AbortSignal.any([call.signal, deadline.signal]);
    try {
      const { response } = await open(call, false, signal);
      const body = parseBody(await readAll(response));
      const status = response.statusCode ?? 0;
      if (status >= 200 && status <= 299) return { status, body };
      const retryAfter = response.headers['retry-after'];
      throw errorOfAnswer(name, status, body as StatusBody | string, retryAfter, isWrite);
    } catch (error) {
      if (error instanceof ClusterError) throw error;
      call.signal?.throwIfAborted();
      throw errorOfConnection(
        name,
        deadline.signal.aborted ? deadline.signal.reason : error,
        isWrite,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    call: async (call) => {
      try {
        return await once(call);
      } catch (error) {
        if (!(error instanceof ClusterError) || error.code !== 'Unauthorized') throw error;
        // The token may have been replaced since we read it; a 401 has changed nothing.
        if (session !== undefined) session = { ...session, expiresMs: 0 };
        return await once(call);
      }
    },

    stream: async (path, signal, onLine) => {
      const name = `WATCH ${path.split('?', 1)[0]}`;
      const idle = createIdleTimer(options.watchIdleMs);
      try {
        const opened = await open(
          { method: 'GET', path },
          true,
          AbortSignal.any([signal, idle.signal]),
        );
        await readStream(opened, name, idle, onLine);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ClusterError || error instanceof ListenerError) {
          if (error instanceof ClusterError && error.code === 'Unauthorized' && session) {
            session = { ...session, expiresMs: 0 };
          }
          throw error instanceof ListenerError ? error.cause : error;
        }
        throw errorOfConnection(name, idle.signal.aborted ? idle.signal.reason : error, false);
      } finally {
        idle.stop();
      }
    },

    close: () => {
      session?.callAgent.destroy();
      session?.watchAgent.destroy();
    },
  };
}

interface Opened {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

/** What a listener threw: passed on as it is, not taken for a failure of the connection. */
class ListenerError extends Error {}

interface IdleTimer {
  readonly signal: AbortSignal;
  touch(): void;
  stop(): void;
}

function createIdleTimer(idleMs: number): IdleTimer {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new Error(`nothing heard for ${idleMs} ms`)),
    idleMs,
  );
  return {
    signal: controller.signal,
    touch: () => timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

async function readStream(
  { request, response }: Opened,
  name: string,
  idle: IdleTimer,
  onLine: (line: string) => void,
): Promise<void> {
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    const body = parseBody(await readAll(response)) as StatusBody | string;
    throw errorOfAnswer(name, status, body, response.headers['retry-after'], false);
  }
  const splitter = createLineSplitter((line) => {
    try {
      onLine(line);
    } catch (cause) {
      throw new ListenerError('the listener failed', { cause });
    }
  }, lineBytesMax);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      idle.touch();
      splitter.push(chunk);
    }
  } finally {
    // Ends the connection where we left the loop early; a watch is never reused anyway.
    request.destroy();
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`an answer of more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Answers about objects are JSON; those of /readyz and of overloaded servers are plain text. */
function parseBody(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('an answer that is not JSON', { cause });
  }
}

function agentOf(isSecure: boolean, { tls }: Credentials, maxSockets: number): HttpAgent {
  const options = { keepAlive: true, maxSockets, timeout: idleConnectionMs };
  return isSecure ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
}

function isSameTls(a: TlsOptions, b: TlsOptions): boolean {
  return (
    text(a.ca) === text(b.ca) &&
    text(a.cert) === text(b.cert) &&
    text(a.key) === text(b.key) &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

function text(value: string | Buffer | undefined): string {
  return value === undefined ? '' : value.toString();
}
