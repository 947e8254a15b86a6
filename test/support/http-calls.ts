/**
 * The smallest clients of HTTP/1.1 and HTTP/2, for tests that look at what is on the wire.
 *
 * Every call ends within a deadline; a refused or broken connection rejects.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a client presents, and whom it trusts. */
export interface ClientTls {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface HttpCaller {
  post(path: string, body: Buffer | string, headers?: Record<string, string>): Promise<HttpAnswer>;
  get(path: string): Promise<HttpAnswer>;
  close(): void;
}

const deadlineMs = 20_000;

/** Over one HTTP/1.1 connection at a time, kept alive; `connections` allows more. */
export function http1Caller(url: string, tls?: ClientTls, connections = 1): HttpCaller {
  const options = { keepAlive: true, maxSockets: connections };
  const agent = tls === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls });
  const send = tls === undefined ? httpRequest : httpsRequest;
  const call = async (
    method: string,
    path: string,
    body: Buffer | string,
    headers: Record<string, string>,
  ): Promise<HttpAnswer> =>
    await new Promise((resolve, reject) => {
      const request = send(url + path, { method, agent, headers, timeout: deadlineMs });
      request.once('error', reject);
      request.once('timeout', () => request.destroy(new Error(`${path}: no answer`)));
      request.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      request.end(body);
    });
  return {
    post: async (path, body, headers = { 'content-type': 'application/json' }) =>
      await call('POST', path, body, headers),
    get: async (path) => await call('GET', path, '', {}),
    close: () => agent.destroy(),
  };
}

/** Over one HTTP/2 connection. */
export interface Http2Caller {
  readonly session: ClientHttp2Session;
  post(path: string, body: Buffer | string): Promise<HttpAnswer>;
  close(): void;
}

export async function http2Caller(url: string, tls: ClientTls): Promise<Http2Caller> {
  const { origin, pathname } = new URL(url);
  const session = connect(origin, { ...tls });
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  // Later faults are seen by the calls that they break.
  session.on('error', () => undefined);
  return {
    session,
    post: async (path, body) =>
      await new Promise((resolve, reject) => {
        const stream = session.request({
          [constants.HTTP2_HEADER_METHOD]: 'POST',
          [constants.HTTP2_HEADER_PATH]: pathname + path,
          'content-type': 'application/json',
        });
        let text = '';
        let headers: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
        stream.setTimeout(deadlineMs, () => stream.destroy(new Error(`${path}: no answer`)));
        stream.setEncoding('utf8');
        stream.once('error', reject);
        stream.once('response', (received) => {
          headers = received;
        });
        stream.on('data', (chunk: string) => {
          text += chunk;
        });
        stream.once('end', () => resolve({ status: headers[':status'] ?? 0, headers, body: text }));
        stream.end(body);
      }),
    close: () => session.destroy(),
  };
}
