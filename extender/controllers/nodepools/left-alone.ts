/**
 * Tells on NodePools that they are left to Karpenter.
 *
 * In: pools as they come. Out: an Event on each that we would serve if no Karpenter led, again from
 * time to time, because Events are forgotten. It writes nothing else on them.
 */
import { karpenterAwsGroup, stowageGroup } from '../../../core/api/labels.ts';
import { nodeClassKindOf } from '../../../core/lifecycle/ownership.ts';
import type { Controller, ControllerContext } from '../context.ts';
import { startReconciler } from '../reconciler.ts';
import { reference } from '../termination/reports.ts';

/** API servers keep Events for an hour. */
const againMs = 30 * 60_000;

/** Starts at once; ends with the context's signal. */
export function startLeftAlone(
  context: Omit<ControllerContext, 'cloud' | 'client' | 'metrics' | 'settings'>,
): Controller {
  const { view, owns, recorder } = context;
  return startReconciler(context, {
    name: 'left-alone',
    concurrency: 1,
    watch: (add) => {
      for (const { metadata } of view.all('NodePool')) add(metadata.name);
      return view.listen('NodePool', ({ type, object }) => {
        if (type === 'added') add(object.metadata.name);
      });
    },
    reconcile: async (name) => {
      const pool = view.get('NodePool', { name });
      if (pool === undefined) return undefined;
      const { nodeClassRef } = pool.spec.template.spec;
      if (nodeClassKindOf(nodeClassRef) === undefined || owns(nodeClassRef)) return undefined;
      const message =
        `Karpenter holds its Lease: this NodePool, its NodeClaims and its nodes are left to it. ` +
        `Of the two groups of EC2NodeClass, ${karpenterAwsGroup} is Karpenter's and ${stowageGroup} is Stowage's`;
      recorder.event(reference('NodePool', pool), 'Normal', 'LeftToKarpenter', message);
      return { againAfterMs: againMs };
    },
  });
}
