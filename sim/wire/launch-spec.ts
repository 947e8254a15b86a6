/**
 * From the parameters of a launch template to what the engine launches with.
 *
 * In: template data as a form. Out: a `LaunchSpec`, or EC2's refusal of an image, group, profile,
 * placement group or reservation that is not there or does not fit the type.
 */
import { Ec2Error, type LaunchSpec } from '../ec2-types.ts';
import { placementGroupOf } from './account.ts';
import type { WireContext } from './context.ts';
import type { Form } from './form.ts';
import type { MachineImage } from './images.ts';
import { taggedAs } from './launch-templates.ts';

/** @throws Ec2Error */
export function launchSpecOf(context: WireContext, data: Form, imageId?: string): LaunchSpec {
  const { account } = context;
  const image = imageOf(context, imageId ?? data.optional('ImageId'));
  const networkInterfaces = data.forms('NetworkInterface');
  const ownGroups = data.texts('SecurityGroupId');
  if (ownGroups.length > 0 && networkInterfaces.length > 0) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level security groups may not be specified on the same request',
    );
  }
  const securityGroupIds = [
    ...ownGroups,
    ...(networkInterfaces[0]?.texts('SecurityGroupId') ?? []),
  ];
  for (const id of securityGroupIds) {
    if (!account.securityGroups.some(({ groupId }) => groupId === id)) {
      throw new Ec2Error('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
    }
  }
  const userData = Buffer.from(data.optional('UserData') ?? '', 'base64').toString();
  return {
    imageId: image.imageId,
    userData,
    tags: taggedAs(data, 'instance'),
    volumeTags: taggedAs(data, 'volume'),
    securityGroupIds,
    ...profileOf(context, data.form('IamInstanceProfile')),
    ...placementOf(context, data.form('Placement')),
    ...reservationOf(context, data.form('CapacityReservationSpecification')),
    networkInterfaceCount: Math.max(1, networkInterfaces.length),
  };
}

/** The subnet that a template fixes. */
export function subnetOfTemplate(data: Form): string | undefined {
  return data.forms('NetworkInterface')[0]?.optional('SubnetId');
}

/** @throws Ec2Error where a type cannot run an image */
export function checkArchitecture(
  context: WireContext,
  instanceType: string,
  imageId: string,
): void {
  const type = context.engine.launcher.facts.get(instanceType);
  const image = context.account.images.get(imageId);
  if (type === undefined || image === undefined) return;
  const wanted = type.architecture === 'arm64' ? 'arm64' : 'x86_64';
  if (image.architecture === wanted) return;
  throw new Ec2Error(
    'InvalidParameterValue',
    `The architecture '${wanted}' of the specified instance type does not match the architecture '${image.architecture}' of the specified AMI.`,
  );
}

/** An id, or `resolve:ssm:` and the name of a parameter. */
function imageOf({ account }: WireContext, text: string | undefined): MachineImage {
  if (text === undefined) {
    throw new Ec2Error('MissingParameter', 'The request must contain the parameter ImageId');
  }
  const prefix = 'resolve:ssm:';
  const id = text.startsWith(prefix) ? account.parameters.get(text.slice(prefix.length)) : text;
  const image = id === undefined ? undefined : account.images.get(id);
  if (image !== undefined) return image;
  throw new Ec2Error('InvalidAMIID.NotFound', `The image id '[${text}]' does not exist`);
}

function profileOf({ account }: WireContext, form: Form): Pick<LaunchSpec, 'instanceProfileArn'> {
  const name = form.optional('Name');
  const arn = form.optional('Arn');
  if (name === undefined && arn === undefined) return {};
  const found = [...account.instanceProfiles.values()].find(
    (one) => one.name === name || one.arn === arn,
  );
  if (found !== undefined) return { instanceProfileArn: found.arn };
  throw new Ec2Error(
    'InvalidParameterValue',
    name === undefined
      ? `Value (${arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN`
      : `Value (${name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name`,
  );
}

function placementOf(
  { account }: WireContext,
  form: Form,
): Pick<LaunchSpec, 'placementGroup' | 'tenancy'> {
  const named = form.optional('GroupName') ?? form.optional('GroupId');
  const tenancy = form.optional('Tenancy');
  const placed = tenancy === undefined ? {} : { tenancy };
  if (named === undefined || named === '') return placed;
  const group = placementGroupOf(account, named);
  if (group === undefined) {
    throw new Ec2Error(
      'InvalidPlacementGroup.Unknown',
      `The Placement Group '${named}' is unknown.`,
    );
  }
  const { name, strategy } = group;
  return { ...placed, placementGroup: { name, isSpread: strategy === 'spread' } };
}

function reservationOf(
  { engine }: WireContext,
  form: Form,
): Pick<LaunchSpec, 'reservationId' | 'isCapacityBlock' | 'usesOpenReservations'> {
  const id = form.form('CapacityReservationTarget').optional('CapacityReservationId');
  const preference = form.optional('CapacityReservationPreference');
  if (id === undefined) return { usesOpenReservations: preference !== 'none' };
  const found = engine.launcher.reservations.get(id);
  if (found === undefined) {
    throw new Ec2Error(
      'InvalidCapacityReservationId.NotFound',
      `The capacity reservation '${id}' does not exist.`,
    );
  }
  return { reservationId: id, isCapacityBlock: found.kind === 'capacity-block' };
}
