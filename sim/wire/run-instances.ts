/**
 * RunInstances: the launch without a fleet, and the trial that shows whether one is allowed.
 *
 * In: a request. Out: instances, or one error: unlike a fleet it is all or nothing beyond MinCount.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { QueryHandler, WireContext } from './context.ts';
import { Form } from './form.ts';
import { instanceXml } from './instances.ts';
import { checkArchitecture, launchSpecOf, subnetOfTemplate } from './launch-spec.ts';
import { findTemplate, taggedAs, versionOf } from './launch-templates.ts';

const countMax = 1000;

export const runInstances: QueryHandler = (context, request) => {
  const data = mergedData(context, request);
  const spec = launchSpecOf(context, data);
  const instanceType = data.optional('InstanceType') ?? 'm1.small';
  const { account, engine } = context;
  if (!engine.launcher.facts.has(instanceType)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Invalid value '${instanceType}' for InstanceType.`,
    );
  }
  checkArchitecture(context, instanceType, spec.imageId);
  const max = request.integer('MaxCount', 1, countMax) ?? 1;
  const min = request.integer('MinCount', 1, max) ?? 1;
  const subnetId =
    data.optional('SubnetId') ?? subnetOfTemplate(data) ?? account.subnets[0]?.subnetId;
  const subnet = account.subnets.find((one) => one.subnetId === subnetId);
  if (subnet === undefined) {
    throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${subnetId}' does not exist`);
  }
  const isSpot = data.form('InstanceMarketOptions').optional('MarketType') === 'spot';
  if (isSpot && !account.hasSpotRole) {
    throw new Ec2Error(
      'AuthFailure.ServiceLinkedRoleCreationNotPermitted',
      'The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.',
    );
  }
  context.dryRun(request);
  return context.tokens.answer(
    'RunInstances',
    request.optional('ClientToken'),
    request.tree,
    () => {
      const { instances, errors } = engine.fulfil({
        ...spec,
        tags: { ...spec.tags, ...taggedAs(request, 'instance') },
        capacityType: isSpot ? 'spot' : 'on-demand',
        strategy: 'prioritized',
        overrides: [{ instanceType, zone: subnet.zone, subnetId: subnet.subnetId }],
        targetCapacity: max,
        minCapacity: min,
      });
      const [error] = errors;
      if (instances.length === 0 && error !== undefined)
        throw new Ec2Error(error.code, error.message);
      return {
        reservationId: `r-${context.random.uuid().replaceAll('-', '').slice(0, 17)}`,
        ownerId: account.accountId,
        groupSet: [],
        instancesSet: instances.map((one) => instanceXml(one, context)),
      };
    },
  );
};

/** What the request says over what its template says. */
function mergedData(context: WireContext, request: Form): Form {
  const named = request.form('LaunchTemplate');
  if (named.isEmpty) return request;
  const version = versionOf(findTemplate(context, named), named.optional('Version'));
  return new Form({ ...version.data.tree, ...request.tree }, '');
}
