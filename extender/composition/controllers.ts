/**
 * Every controller that the leader runs, in the order in which they are started.
 *
 * In: what they need. Out: one promise. A controller is named here and nowhere else; each works by
 * itself on the live view, so that the order does not matter to the outcome. The first bug in any of
 * them ends all.
 */
import type { NodeClassCloud } from '../../core/ec2/node-class-port.ts';
import type { RefusalMemory } from '../../core/ec2/unavailable-offerings.ts';
import type { EventSource } from '../../core/interruption-port.ts';
import type { Solver } from '../../core/ports.ts';
import { startBinder } from '../controllers/binding/binder.ts';
import { startClusterMetrics } from '../controllers/cluster-metrics.ts';
import type { Controller, ControllerContext } from '../controllers/context.ts';
import { startEmptiness } from '../controllers/disruption/emptiness.ts';
import { startQuietTime } from '../controllers/disruption/quiet-time.ts';
import { startDrift } from '../controllers/drift/drift.ts';
import { startInterruption } from '../controllers/interruption/interruption.ts';
import {
  createSourceHealth,
  type SourceHealth,
} from '../controllers/interruption/source-health.ts';
import { startNodeClaimExpiration } from '../controllers/nodeclaims/expiration.ts';
import { startInstanceGarbageCollection } from '../controllers/nodeclaims/garbage-collection.ts';
import { startNodeClaimLifecycle } from '../controllers/nodeclaims/lifecycle.ts';
import { startRefusalMemory } from '../controllers/nodeclass/refusal-memory.ts';
import { startNodeClassStatus } from '../controllers/nodeclass/status.ts';
import { startNodeOverlayStatus } from '../controllers/nodeoverlays/status.ts';
import { startLeftAlone } from '../controllers/nodepools/left-alone.ts';
import { startNodePoolStatus } from '../controllers/nodepools/status.ts';
import { type DecisionFeed, startPodMetrics } from '../controllers/pod-metrics.ts';
import type { PriceBook } from '../controllers/price-book.ts';
import type { PlanBoard } from '../controllers/provisioning/plan-board.ts';
import { startProvisioner } from '../controllers/provisioning/provisioner.ts';
import { startNodeClaimTermination } from '../controllers/termination/claim-termination.ts';
import { startNodeTermination } from '../controllers/termination/node-termination.ts';

export interface LeaderTools {
  readonly solver: Solver;
  readonly prices: PriceBook;
  readonly board: PlanBoard;
  /** Where the cloud's news of instances comes from; none if nobody listens. */
  readonly eventSources: readonly EventSource[];
  readonly decisions: DecisionFeed;
  /** Undefined where somebody else keeps the status of EC2NodeClasses. */
  readonly nodeClassCloud: NodeClassCloud | undefined;
  /** What the cloud has refused; undefined where nothing outlives a restart. */
  readonly refusals: RefusalMemory | undefined;
}

/** What controllers of one run tell each other. */
interface Shared {
  readonly sourceHealth: SourceHealth;
}

type Start = (context: ControllerContext, tools: LeaderTools & Shared) => Controller | undefined;

const starts: readonly Start[] = [
  // First: what was refused before is known when the first claim is launched.
  (context, { refusals }) =>
    refusals === undefined ? undefined : startRefusalMemory(context, refusals),
  startNodeClaimLifecycle,
  startBinder,
  startNodeTermination,
  startNodeClaimTermination,
  startNodeClaimExpiration,
  startInstanceGarbageCollection,
  startQuietTime,
  startEmptiness,
  (context, { eventSources, sourceHealth }) =>
    startInterruption(context, eventSources, sourceHealth),
  (context, { nodeClassCloud, sourceHealth }) =>
    nodeClassCloud === undefined
      ? undefined
      : startNodeClassStatus(context, nodeClassCloud, sourceHealth),
  startNodePoolStatus,
  startDrift,
  (context, { prices }) => startNodeOverlayStatus(context, prices),
  startLeftAlone,
  (context, { prices, board }) => startClusterMetrics(context, prices, board),
  (context, { decisions }) => startPodMetrics(context, decisions),
  startProvisioner,
];

/** Runs all until the context's signal; rejects with the first bug, after all have ended. */
export async function runControllers(
  context: ControllerContext,
  tools: LeaderTools,
): Promise<void> {
  const bug = new AbortController();
  const signal = AbortSignal.any([context.signal, bug.signal]);
  const shared = { ...tools, sourceHealth: createSourceHealth() };
  const running = starts.flatMap((start) => start({ ...context, signal }, shared) ?? []);
  const results = await Promise.allSettled(
    running.map(async ({ name, done }) => {
      try {
        await done;
        context.log.debug({ controller: name }, 'ended');
      } catch (error) {
        if (!signal.aborted) {
          context.log.fatal({ err: error, controller: name }, 'a controller failed');
          bug.abort(error);
        }
        throw error;
      }
    }),
  );
  if (bug.signal.aborted) throw bug.signal.reason;
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected' && !context.signal.aborted) throw failed.reason;
}
