/**
 * EKS: the one cluster of the account.
 *
 * In: the account. Out: DescribeCluster.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { Json, WireContext } from './context.ts';

/** @throws Ec2Error if it has another name */
export function describeCluster({ account }: WireContext, name: string): Json {
  const { cluster, region, accountId, vpcId, subnets } = account;
  if (name !== cluster.name) {
    throw new Ec2Error('ResourceNotFoundException', `No cluster found for name: ${name}.`);
  }
  return {
    cluster: {
      name,
      arn: `arn:aws:eks:${region}:${accountId}:cluster/${name}`,
      version: cluster.version,
      endpoint: cluster.endpoint,
      roleArn: `arn:aws:iam::${accountId}:role/eks-${name}`,
      resourcesVpcConfig: {
        subnetIds: subnets.map(({ subnetId }) => subnetId),
        securityGroupIds: [],
        clusterSecurityGroupId: cluster.securityGroupId,
        vpcId,
        endpointPublicAccess: true,
        endpointPrivateAccess: true,
      },
      kubernetesNetworkConfig: { serviceIpv4Cidr: cluster.serviceCidr, ipFamily: 'ipv4' },
      certificateAuthority: { data: cluster.certificateAuthority },
      platformVersion: 'eks.1',
      status: 'ACTIVE',
      tags: {},
    },
  };
}
