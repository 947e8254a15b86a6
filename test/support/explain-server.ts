/**
 * A service that can be asked why, on a real socket.
 *
 * In: nothing. Out: its URL. It knows one pod that waits, and the claim that was made for it.
 */
import { fastify } from 'fastify';
import type { Test } from 'tap';
import { offeringsRecord } from '../../core/scheduling/claim-offerings.ts';
import { reservationRecord } from '../../core/scheduling/reservation-record.ts';
import { ClusterStore } from '../../core/state/store.ts';
import { DecisionRing } from '../../extender/records/decision-ring.ts';
import { registerExplain } from '../../extender/server/explain-routes.ts';

const nowMs = Date.parse('2026-01-01T00:01:00Z');
const claim = 'general-x7k2p';
const live = { resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };

/** Listens until the test ends. */
export async function startExplainServer(
  t: Test,
  isLeader: boolean,
  karpenterLeads = false,
): Promise<string> {
  const decisions = new DecisionRing();
  decisions.add({
    timeMs: nowMs - 30_000,
    actor: 'provisioner',
    subject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'u1' },
    outcome: 'planned',
    reason: `Pod should schedule on: nodeclaim/${claim}`,
    details: { claim, planUsdPerHour: 0.5, lowerBoundUsdPerHour: 0.495, isProven: true },
  });
  const view = filledView();
  const app = fastify();
  registerExplain(app, {
    facts: () => ({ view, decisions, priceOf: () => 41_000_000, nowMs }),
    about: () => ({ identity: 'a', isLeader, leader: isLeader ? 'a' : 'b', karpenterLeads }),
  });
  t.teardown(async () => await app.close());
  return await app.listen({ host: '127.0.0.1', port: 0 });
}

function filledView(): ClusterStore {
  const view = new ClusterStore();
  view.put('Pod', {
    metadata: { ...live, namespace: 'shop', name: 'web-0', uid: 'u1' },
    spec: { containers: [{ name: 'main' }] },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
    },
  });
  const [zone, capacityType] = ['us-east-1a', 'spot'] as const;
  view.put('NodeClaim', {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: {
      ...live,
      name: claim,
      uid: 'u2',
      labels: { 'karpenter.sh/nodepool': 'general' },
      annotations: {
        'stowage.dev/reservation': reservationRecord({
          owners: new Set(['u1']),
          expiresAtMs: nowMs + 60_000,
          fence: 'binding',
        }),
        'stowage.dev/offerings': offeringsRecord([
          { instanceType: 'm7i.large', zone, capacityType },
          { instanceType: 'c7i.xlarge', zone, capacityType },
        ]),
      },
    },
    spec: {
      requirements: [],
      nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' },
    },
    status: {
      conditions: [
        { type: 'Launched', status: 'True', lastTransitionTime: '2026-01-01T00:00:34Z' },
      ],
    },
  });
  return view;
}
