/**
 * What nodes must know of the cluster that they join.
 *
 * In: what the operator states; the rest from EKS DescribeCluster. Out: facts, read again after a
 * while, because a cluster is upgraded. With everything stated EKS is never asked, so clusters that
 * are not EKS's work too.
 */
import { DescribeClusterCommand } from '@aws-sdk/client-eks';
import { CloudError } from '../../../core/cloud-port.ts';
import { isNotFound } from '../../../core/ec2/error-codes.ts';
import type { ClusterFacts } from '../../../core/ec2/user-data/bootstrap.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';

const factsMs = 5 * 60_000;

export type StatedCluster = Partial<Omit<ClusterFacts, 'name'>>;

/** @throws AwsError; CloudError that says what to state, where EKS has no such cluster */
export type ClusterLookup = (signal: AbortSignal | undefined) => Promise<ClusterFacts>;

export function createClusterLookup(
  connection: Ec2Connection,
  stated: StatedCluster,
): ClusterLookup {
  let known: { readonly facts: ClusterFacts; readonly untilMs: number } | undefined;
  return async (signal) => {
    const nowMs = connection.clock.monotonicMs();
    if (known !== undefined && known.untilMs > nowMs) return known.facts;
    const facts = await readFacts(connection, stated, signal);
    known = { facts, untilMs: nowMs + factsMs };
    return facts;
  };
}

async function readFacts(
  connection: Ec2Connection,
  stated: StatedCluster,
  signal: AbortSignal | undefined,
): Promise<ClusterFacts> {
  const { endpoint, certificateAuthority, kubernetesVersion, serviceCidr } = stated;
  const isComplete = [endpoint, certificateAuthority, kubernetesVersion, serviceCidr].every(
    (part) => part !== undefined,
  );
  const found = isComplete ? {} : await describeCluster(connection, signal);
  const facts = { dnsAddresses: [], isIPv6: false, ...found, ...stated };
  return {
    ...facts,
    name: connection.clusterName,
    endpoint: facts.endpoint ?? '',
    certificateAuthority: facts.certificateAuthority ?? '',
    kubernetesVersion: facts.kubernetesVersion ?? '',
    serviceCidr: facts.serviceCidr ?? '',
  };
}

async function describeCluster(
  { clients, api, clusterName }: Ec2Connection,
  signal: AbortSignal | undefined,
): Promise<StatedCluster> {
  try {
    const { cluster } = await api.call(
      'eks',
      'DescribeCluster',
      async (abortSignal) =>
        await clients.eks.send(
          new DescribeClusterCommand({ name: clusterName }),
          abortSignal === undefined ? {} : { abortSignal },
        ),
      { signal },
    );
    const network = cluster?.kubernetesNetworkConfig;
    const isIPv6 = network?.ipFamily === 'ipv6';
    return {
      endpoint: cluster?.endpoint ?? '',
      certificateAuthority: cluster?.certificateAuthority?.data ?? '',
      kubernetesVersion: cluster?.version ?? '',
      serviceCidr: (isIPv6 ? network?.serviceIpv6Cidr : network?.serviceIpv4Cidr) ?? '',
      isIPv6,
    };
  } catch (error) {
    if (!(error instanceof AwsError) || !isNotFound(error.code)) throw error;
    throw new CloudError(
      'unavailable',
      `EKS has no cluster ${clusterName}: check --cluster-name, or state the cluster's endpoint, certificate authority, version and service range`,
      error,
    );
  }
}
