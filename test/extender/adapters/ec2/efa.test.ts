/** EFA by request: interfaces are made with the instance, for those who asked and nobody else. */
import { DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import t from 'tap';
import { launchKey, launchRequest } from '../../../../core/lifecycle/launch-request.ts';
import { liveClaim } from '../../../support/claim-world.ts';
import { startEc2World } from '../../../support/ec2-cloud.ts';

const c5n = 'c5n.18xlarge/a/on-demand';

t.test('a launch for pods that asked for EFA has EFA interfaces, another has none', async (t) => {
  const ec2 = await startEc2World();
  t.teardown(ec2.close);
  const { cloud } = ec2.provider();
  const plain = await cloud.launch(ec2.request('uid-1', [c5n]));
  t.equal(plain.outcome, 'launched', JSON.stringify(plain));
  const fast = await cloud.launch({ ...ec2.request('uid-2', [c5n]), hasEfa: true });
  t.equal(fast.outcome, 'launched', JSON.stringify(fast));
  const names = [...ec2.world.account.launchTemplates.values()].map(({ name }) => name);
  const interfaces = await Promise.all(
    names.map(async (LaunchTemplateName) => {
      const { LaunchTemplateVersions = [] } = await ec2.world.ec2.send(
        new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateName, Versions: ['$Latest'] }),
      );
      const { NetworkInterfaces = [] } = LaunchTemplateVersions[0]?.LaunchTemplateData ?? {};
      return NetworkInterfaces.map(({ InterfaceType, DeviceIndex }) => [
        InterfaceType,
        DeviceIndex,
      ]);
    }),
  );
  t.strictSame(
    interfaces.toSorted((a, b) => a.length - b.length),
    [[], [['efa', 0]]],
  );
});

t.test('claims ask for EFA by their requests, and are launched apart from others', (t) => {
  const questionOf = (requests: Record<string, string>) => ({
    claim: liveClaim({ spec: { resources: { requests } } }),
    nodeClass: {
      apiVersion: 'karpenter.k8s.aws/v1' as const,
      kind: 'EC2NodeClass' as const,
      metadata: { name: 'default' },
      spec: {
        subnetSelectorTerms: [{ id: 'subnet-1' }],
        securityGroupSelectorTerms: [{ id: 'sg-1' }],
        amiSelectorTerms: [{ alias: 'al2023@latest' }],
        role: 'node',
      },
    },
    offerings: [],
    attempt: 1,
    clusterName: 'simulated',
    hash: (text: string) => text,
  });
  const fast = questionOf({ cpu: '1', 'vpc.amazonaws.com/efa': '1' });
  const plain = questionOf({ cpu: '1' });
  t.equal(launchRequest(fast).hasEfa, true);
  t.notOk('hasEfa' in launchRequest(plain));
  t.not(launchKey(fast), launchKey(plain));
  t.equal('hasEfa' in launchRequest(questionOf({ 'vpc.amazonaws.com/efa': '0' })), false);
  t.end();
});
