/**
 * The cloud port, every call timed and counted.
 *
 * In: a cloud. Out: the same with Karpenter's metrics around it, and the time from the end of a
 * batch's window to the launch call. It changes no answer.
 */
import { CloudError, type CloudProvider } from '../../core/cloud-port.ts';
import type { Clock } from '../../core/ports.ts';
import type { PlanBoard } from '../controllers/provisioning/plan-board.ts';
import type { Metrics } from '../metrics.ts';

const provider = 'aws';

export function measuredCloud(
  cloud: CloudProvider,
  clock: Clock,
  metrics: Metrics,
  board: PlanBoard,
): CloudProvider {
  async function timed<T>(method: string, call: () => Promise<T>): Promise<T> {
    const labels = { controller: 'stowage', method, provider };
    const startedMs = clock.monotonicMs();
    try {
      return await call();
    } catch (error) {
      const code = error instanceof CloudError ? error.code : 'unknown';
      metrics.cloud.errors.inc({ ...labels, error: code });
      throw error;
    } finally {
      metrics.cloud.callSeconds.observe(labels, (clock.monotonicMs() - startedMs) / 1000);
    }
  }

  return {
    instanceTypes: async (nodeClass, options) => await cloud.instanceTypes(nodeClass, options),
    launch: async (request, options) => {
      const closedMs = board.takeClaim(request.nodeClaimName);
      if (closedMs !== undefined) {
        metrics.solver.launchCallSeconds.observe((clock.monotonicMs() - closedMs) / 1000);
      }
      return await timed('Create', async () => await cloud.launch(request, options));
    },
    list: async (options) => await timed('List', async () => await cloud.list(options)),
    get: async (providerID, options) =>
      await timed('Get', async () => await cloud.get(providerID, options)),
    tag: async (providerID, tags, options) =>
      await timed('Tag', async () => await cloud.tag(providerID, tags, options)),
    terminate: async (providerID, options) =>
      await timed('Delete', async () => await cloud.terminate(providerID, options)),
    addressSupplies: (nodeClasses) => cloud.addressSupplies?.(nodeClasses) ?? [],
    markUnavailable: (offering, reason, untilMs) =>
      cloud.markUnavailable?.(offering, reason, untilMs),
  };
}
