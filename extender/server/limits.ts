/**
 * How much the extender's servers take from one client, and for how long they wait for it.
 *
 * In: a server. Out: the same with limits, and the constants behind them. kube-scheduler stays far below each of them; what does not is a
 * mistake or an attack. Durations in milliseconds.
 */

import type { Server as HttpServer } from 'node:http';
import type { Http2SecureServer } from 'node:http2';

/** Whole nodes of a cluster of 5,000 (nodeCacheCapable: false) are about 40 MB; names are 0.25 MB. */
export const bodyBytesMax = 64 * 1024 * 1024;
/** A request to the metrics and health server has no body. */
export const operationsBodyBytesMax = 1024;
/** kube-scheduler keeps 2 idle connections but opens one per concurrent bind over HTTP/1.1. */
const connectionsMax = 512;
/** Concurrent requests on one HTTP/2 connection: kube-scheduler's binds again. */
export const streamsMax = 250;
/** Request line and header fields; kube-scheduler sends about 200 bytes. */
const headerBytesMax = 16 * 1024;
/** HTTP/2 takes a body of this size without waiting for a window update. */
export const streamWindowBytes = 1024 * 1024;
/** The same over all streams of a connection. */
export const connectionWindowBytes = 8 * 1024 * 1024;

export const handshakeTimeoutMs = 10_000;
/** From the first byte of a request to the end of its header. */
export const headersTimeoutMs = 10_000;
/** Connections are held against these timeouts this often. */
const timeoutCheckMs = 2_000;
/** From the first byte of a request to the last of its body. */
export const requestTimeoutMs = 30_000;
/** Go closes idle connections after 90 s: it should be the one to do it, or requests get lost. */
const keepAliveTimeoutMs = 120_000;
/** A connection on which nothing moves, not even a request under way. */
export const socketTimeoutMs = 150_000;
/** One Binding: kube-scheduler waits 5 s unless told otherwise, then tries again. */
export const bindTimeoutMs = 5_000;
/** Certificates are mounted from Secrets, which the kubelet refreshes about once a minute. */
export const certificatePollMs = 30_000;
/** On the way out: requests under way are a few milliseconds from their end. */
export const closeTimeoutMs = 5_000;

/** What HTTP/1.1 takes when a server is made. */
export const http1Options = {
  maxHeaderSize: headerBytesMax,
  keepAliveTimeout: keepAliveTimeoutMs,
  connectionsCheckingInterval: timeoutCheckMs,
};

/** Sets what is set on a server that exists. */
export function withLimits<Server extends HttpServer | Http2SecureServer>(server: Server): Server {
  server.setTimeout(socketTimeoutMs);
  return Object.assign(server, {
    maxConnections: connectionsMax,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
  });
}
