/**
 * The routes that `stowage explain` asks.
 *
 * In: GET /api/v1/explain/pod/{namespace}/{name} and /api/v1/explain/node/{name}. Out: explanations as
 * JSON, with who leads; 404 for what is not there. Every replica answers from its own view; reasons
 * are remembered by the leader that decided. They show names and states of the cluster, no content of
 * any object.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { explainNode } from '../../core/explain/explain-node.ts';
import { explainPod } from '../../core/explain/explain-pod.ts';
import type { ExplainFacts } from '../../core/explain/subject.ts';

export interface ExplainRoutesOptions {
  /** As of now. */
  readonly facts: () => ExplainFacts;
  /** Who answers, who leads ('' if unknown), and whether a Karpenter leads beside us. */
  readonly about: () => {
    readonly identity: string;
    readonly isLeader: boolean;
    readonly leader: string;
    readonly karpenterLeads: boolean;
  };
}

/** Adds the routes; call it before the server listens. */
export function registerExplain(app: FastifyInstance, options: ExplainRoutesOptions): void {
  app.get<{ Params: { namespace: string; name: string } }>(
    '/api/v1/explain/pod/:namespace/:name',
    async ({ params }, reply) =>
      answer(reply, options, explainPod(options.facts(), params), () => {
        return `there is no pod ${params.namespace}/${params.name}`;
      }),
  );
  app.get<{ Params: { name: string } }>('/api/v1/explain/node/:name', async ({ params }, reply) =>
    answer(reply, options, explainNode(options.facts(), params.name), () => {
      return `there is neither a node nor a NodeClaim ${params.name}`;
    }),
  );
}

function answer(
  reply: FastifyReply,
  { about }: ExplainRoutesOptions,
  explanation: object | undefined,
  missing: () => string,
): FastifyReply {
  const { identity, isLeader, leader, karpenterLeads } = about();
  const replica = { identity, isLeader, leader, karpenterLeads };
  reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
  return explanation === undefined
    ? reply.code(404).send({ error: missing(), replica })
    : reply.send({ ...explanation, replica });
}
