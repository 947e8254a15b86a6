/**
 * `stowage serve --cluster=kubernetes --cloud=ec2`: the service on a real cluster and a real cloud.
 *
 * In: parsed options, what is common to all ways to serve. Out: the service, until it is told to stop.
 * This is a composition root: it names the adapters and decides nothing.
 */
import { loadCatalogue } from '../../catalogue/loader.ts';
import { InputError } from '../../core/errors.ts';
import type { EventSource } from '../../core/interruption-port.ts';
import { createEc2Cloud, type Ec2Cloud } from '../adapters/ec2/cloud.ts';
import { createInstanceStatusSource } from '../adapters/ec2/instance-status-source.ts';
import { createQueueClient, createQueueSource } from '../adapters/ec2/queue-source.ts';
import { createKubernetesClient } from '../adapters/kubernetes/cluster-client.ts';
import {
  type Connection,
  inClusterConnection,
  kubeconfigConnection,
} from '../adapters/kubernetes/connection.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import { type ServiceOptions, startService } from '../composition/service.ts';
import { createMetrics } from '../metrics.ts';
import type { ServiceSettings } from '../settings.ts';
import type { ServeCommandOptions } from './serve-program.ts';

/** What does not depend on where the service runs. */
export type CommonOptions = Pick<
  ServiceOptions,
  'solver' | 'log' | 'version' | 'nodeOverlays' | 'extender' | 'operations'
>;

/**
 * Runs until `stopped`; 0 then.
 * @throws InputError if the cluster or the region is not told
 */
export async function serveCluster(
  options: ServeCommandOptions,
  common: CommonOptions,
  settingsIn: (namespace: string) => ServiceSettings,
  stopped: Promise<void>,
): Promise<number> {
  const region = options.region ?? process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'];
  if (region === undefined) {
    throw new InputError({ field: '--region' }, 'expected a region, or AWS_REGION to be set');
  }
  const connection = await connectionOf(options);
  const client = createKubernetesClient(connection);
  const metrics = createMetrics(common.version, { verbs: false });
  const settings = settingsIn(connection.namespace);
  const { log } = common;
  const cloud = createEc2Cloud({
    region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    clusterName: settings.clusterName,
    clock: systemClock,
    random: systemRandom,
    log: log.child({ component: 'ec2' }),
    metrics: metrics.cloud,
    catalogue: loadCatalogue(),
  });
  const discovery = new AbortController();
  try {
    await cloud.start(discovery.signal);
    const service = await startService({
      ...common,
      clock: systemClock,
      random: systemRandom,
      client,
      cloud,
      metrics,
      settings,
      nodeClassCloud: cloud.nodeClasses,
      refusals: cloud.refusals,
      eventSources: eventSources(options, region, cloud),
    });
    log.info(
      { extender: service.extenderUrl, operations: service.operationsUrl, region },
      'serving',
    );
    try {
      await Promise.race([stopped, service.done]);
    } finally {
      await service.stop();
    }
  } finally {
    discovery.abort(new Error('stopped'));
    cloud.close();
    client.close();
  }
  return 0;
}

async function connectionOf({ kubeconfig }: ServeCommandOptions): Promise<Connection> {
  return kubeconfig === undefined
    ? await inClusterConnection()
    : await kubeconfigConnection({ file: kubeconfig });
}

/** The queue where there is one; what EC2 itself says of instances in any case. */
function eventSources(
  { interruptionQueue, endpoint }: ServeCommandOptions,
  region: string,
  { connection }: Ec2Cloud,
): EventSource[] {
  const status = createInstanceStatusSource(connection);
  if (interruptionQueue === undefined) return [status];
  const client = createQueueClient({ region, ...(endpoint === undefined ? {} : { endpoint }) });
  return [createQueueSource({ api: connection.api, client, queue: interruptionQueue }), status];
}
