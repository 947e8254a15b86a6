/**
 * The verbs as HTTP routes: a body comes in, the verb decides, an answer of known length goes out.
 *
 * In: what the verbs need. Out: routes on a server, for whichever protocol it speaks. Success is
 * exactly 200. A body that cannot be read is a 400 that says what is wrong with it, and has changed
 * nothing; other refusals (too large, wrong content type, unknown path) carry their own status.
 * kube-scheduler takes every status but 200 for an outage of the extender.
 */
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { InputError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { keptCandidates } from '../../core/scheduling/extender-preempt.ts';
import type { NodeTable } from '../node-table.ts';
import type { ExtenderMetrics } from '../verb-metrics.ts';
import { type Binder, bindPod } from '../verbs/bind.ts';
import { filterNodes } from '../verbs/filter.ts';
import { prioritizeNodes } from '../verbs/prioritize.ts';
import { decodeBindingArgs, decodeExtenderArgs, decodePreemptionArgs } from '../wire.ts';
import {
  encodeError,
  encodeFilterResult,
  encodeHostPriorities,
  encodePreemptionResult,
  type FilterRejection,
} from '../wire-replies.ts';
import { bindTimeoutMs } from './limits.ts';

const verbs = ['filter', 'prioritize', 'preempt', 'bind'] as const;

/** What the verbs decide from. */
export interface VerbDependencies {
  readonly nodes: NodeTable;
  readonly binder: Binder;
  readonly clock: Clock;
  readonly metrics: ExtenderMetrics;
  readonly log: Logger;
}

/** A verb that decides from memory. */
export type DecidedVerb = 'filter' | 'prioritize' | 'preempt';

/**
 * What each verb makes of a body. From decoding to encoding nothing may be awaited: the table keeps
 * one list of names.
 *
 * @throws InputError for a body that cannot be read
 */
export function verbDecisions({
  nodes,
  clock,
  metrics,
}: Pick<VerbDependencies, 'nodes' | 'clock' | 'metrics'>): Readonly<
  Record<DecidedVerb, (body: Buffer) => Buffer>
> {
  return {
    filter: (body: Buffer): Buffer => {
      const args = decodeExtenderArgs(body, nodes);
      const rejections = filterNodes(args, clock.nowMs());
      metrics.nodesAsked.inc({ verb: 'filter' }, args.names.count);
      countRejections(rejections, metrics);
      return encodeFilterResult(args, rejections);
    },
    prioritize: (body: Buffer): Buffer => {
      const args = decodeExtenderArgs(body, nodes);
      metrics.nodesAsked.inc({ verb: 'prioritize' }, args.names.count);
      return encodeHostPriorities(args.names, prioritizeNodes(args, clock.nowMs()));
    },
    preempt: (body: Buffer): Buffer => {
      const { pod, candidates } = decodePreemptionArgs(body);
      const kept = keptCandidates(nodes, candidates, pod, clock.nowMs());
      metrics.nodesAsked.inc({ verb: 'preempt' }, candidates.length);
      metrics.candidatesDropped.inc(candidates.length - kept.length);
      return encodePreemptionResult(kept);
    },
  };
}

/** Adds `POST <prefix>/<verb>` for each verb. The server hands over bodies as Buffers. */
export function addVerbRoutes(
  app: FastifyInstance,
  prefix: string,
  dependencies: VerbDependencies,
): void {
  const { binder, clock, metrics, log } = dependencies;
  const decide = verbDecisions(dependencies);

  for (const verb of ['filter', 'prioritize', 'preempt'] as const) {
    app.post(`${prefix}/${verb}`, (request, reply) => {
      void send(reply, 200, decide[verb](bodyOf(request.body)));
    });
  }

  app.post(`${prefix}/bind`, async (request, reply) => {
    const args = decodeBindingArgs(bodyOf(request.body));
    const abort = new AbortController();
    const timer = clock.schedule(bindTimeoutMs, () => abort.abort());
    try {
      const message = await bindPod(binder, args, abort.signal);
      metrics.binds.inc({ result: message === '' ? 'bound' : 'refused' });
      return await send(reply, 200, encodeError(message));
    } finally {
      timer.cancel();
    }
  });

  app.addHook('onResponse', (request, reply, done) => {
    const verb = verbs.find((one) => request.routeOptions.url === `${prefix}/${one}`) ?? 'other';
    const labels = { verb, code: String(reply.statusCode) };
    metrics.requestSeconds.observe(labels, reply.elapsedTime / 1000);
    done();
  });

  app.setErrorHandler<FastifyError | InputError>(async (error, request, reply) => {
    if (error instanceof InputError) {
      return await send(reply, 400, encodeError(error.message));
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) {
      log.error({ err: error, path: request.url }, 'a verb failed');
    }
    return await send(reply, status, encodeError(error.message));
  });

  app.setNotFoundHandler(async (request, reply) =>
    send(reply, 404, encodeError(`there is no ${request.method} ${request.url}`)),
  );
}

function countRejections(rejections: readonly FilterRejection[], metrics: ExtenderMetrics): void {
  const byReason = new Map<string, number>();
  for (const { reason } of rejections) {
    byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of byReason) {
    metrics.nodesRejected.inc({ reason }, count);
  }
}

/** A POST without a body has none; fastify does not call the parser then. */
function bodyOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** fastify sets the Content-Length of a Buffer; a chunked answer would cost kube-scheduler its connection. */
function send(reply: FastifyReply, status: number, body: Buffer) {
  return reply.code(status).header('content-type', 'application/json').send(body);
}
