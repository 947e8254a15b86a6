/**
 * `stowage doctor`: looks at the cluster and at AWS, and says what to fix.
 *
 * In: parsed options. Out: findings on standard output; exit code 0, or 1 if something is broken. This
 * is a composition root: it names the real adapters and leaves nothing running.
 */
import { pino } from 'pino';
import { loadCatalogue } from '../../catalogue/loader.ts';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { InputError } from '../../core/errors.ts';
import { type ClusterClient, ClusterError } from '../../core/ports.ts';
import { createApiCalls } from '../adapters/ec2/api-calls.ts';
import { createClients } from '../adapters/ec2/clients.ts';
import { createEc2Cloud } from '../adapters/ec2/cloud.ts';
import { createQueueClient } from '../adapters/ec2/queue-source.ts';
import { createKubernetesClient } from '../adapters/kubernetes/cluster-client.ts';
import { kubeconfigConnection } from '../adapters/kubernetes/connection.ts';
import { createTransport } from '../adapters/kubernetes/transport.ts';
import { systemClock, systemRandom } from '../adapters/system.ts';
import { createMetrics } from '../metrics.ts';
import { writeAnswer } from './answer.ts';
import { checkCloud } from './doctor-cloud.ts';
import { checkCluster } from './doctor-cluster.ts';
import { type Finding, findingsJson, findingsText, isHealthy, warn } from './doctor-findings.ts';
import type { DoctorCommandOptions } from './doctor-program.ts';
import { tableStyle } from './table-style.ts';

/** @throws InputError where there is no kubeconfig, or no region */
export async function runDoctor(options: DoctorCommandOptions): Promise<number> {
  const findings = await findingsOf(options);
  const text =
    options.output === 'json'
      ? findingsJson(findings)
      : findingsText(findings, tableStyle(undefined));
  await writeAnswer([text], undefined);
  return isHealthy(findings) ? 0 : 1;
}

async function findingsOf(options: DoctorCommandOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let nodeClasses: readonly EC2NodeClass[] = [];
  if (options.only !== 'cloud') {
    const { kubeconfig, namespace, serviceAccount } = options;
    const connection = await kubeconfigConnection(
      kubeconfig === undefined ? {} : { file: kubeconfig },
    );
    const transport = createTransport(connection);
    const client = createKubernetesClient(connection, { transport });
    try {
      findings.push(...(await checkCluster({ client, transport, namespace, serviceAccount })));
      if (findings[0]?.level === 'ok') nodeClasses = await nodeClassesOf(client, findings);
    } finally {
      client.close();
    }
  }
  if (options.only !== 'cluster') findings.push(...(await cloudFindings(options, nodeClasses)));
  return findings;
}

async function nodeClassesOf(
  client: ClusterClient,
  findings: Finding[],
): Promise<readonly EC2NodeClass[]> {
  const all: EC2NodeClass[] = [];
  for (const kind of ['EC2NodeClass', 'EC2NodeClass.stowage.dev'] as const) {
    try {
      if (await client.serves(kind)) all.push(...(await client.list(kind)).items);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      findings.push(warn('pools', kind, error.message, 'ask as somebody who may list them'));
    }
  }
  if (all.length === 0) {
    const fix = 'kubectl apply -f manifests/node-pools';
    findings.push(warn('pools', 'EC2NodeClasses', 'there are none', fix));
  }
  return all;
}

async function cloudFindings(
  options: DoctorCommandOptions,
  nodeClasses: readonly EC2NodeClass[],
): Promise<readonly Finding[]> {
  const { clusterName, endpoint, interruptionQueue } = options;
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const region = options.region ?? AWS_REGION ?? AWS_DEFAULT_REGION;
  if (region === undefined || region === '') {
    throw new InputError({ field: '--region' }, 'expected a region, here or in AWS_REGION');
  }
  const connection = { region, ...(endpoint === undefined ? {} : { endpoint }) };
  const meter = { called: () => undefined, waited: () => undefined };
  const clients = createClients(connection);
  const sqs = createQueueClient(connection);
  const cloud = createEc2Cloud({
    ...connection,
    clusterName,
    clock: systemClock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
    metrics: createMetrics('doctor', { process: false }).cloud,
    catalogue: loadCatalogue(),
  });
  try {
    return await checkCloud({
      ...connection,
      clusterName,
      api: createApiCalls({ clock: systemClock, random: systemRandom, meter }),
      clients,
      sqs,
      queue: interruptionQueue,
      cloud: cloud.nodeClasses,
      nodeClasses,
    });
  } finally {
    clients.close();
    sqs.destroy();
    cloud.close();
  }
}
