/**
 * CreateFleet of type instant.
 *
 * In: a request. Out: what was launched and why the rest was not. Facts: `reference/ec2.md` C1: a
 * mistake in the request as a whole is thrown, one of an override is an entry of Errors; a type and
 * zone that comes twice rejects the call; the same client token answers the same fleet.
 */
import {
  Ec2Error,
  type Ec2Instance,
  type FleetError,
  type FleetOrder,
  type FleetOverride,
  type LaunchSpec,
} from '../ec2-types.ts';
import { type QueryHandler, type WireContext } from './context.ts';
import {
  type FleetTargets,
  onDemandStrategies,
  spotStrategies,
  targetsOf,
} from './fleet-targets.ts';
import { Form } from './form.ts';
import { checkArchitecture, launchSpecOf, subnetOfTemplate } from './launch-spec.ts';
import {
  findTemplate,
  type LaunchTemplate,
  type TemplateVersion,
  taggedAs,
  versionOf,
} from './launch-templates.ts';
import type { XmlValue } from './xml.ts';

const configsMax = 50;
const overridesMax = 300;

/** An override as the engine gets it, with what the answer says of it. */
interface WireOverride extends FleetOverride {
  readonly spec: LaunchSpec;
  readonly told: XmlValue;
}

type WireError = Omit<FleetError, 'zone' | 'instanceType'> & { readonly told: XmlValue };

interface Resolved {
  readonly overrides: readonly WireOverride[];
  readonly errors: readonly WireError[];
}

export const createFleet: QueryHandler = (context, request) => {
  const type = request.optional('Type') ?? 'maintain';
  if (type !== 'instant') {
    throw new Ec2Error('UnsupportedOperation', `Fleets of type ${type} are not simulated.`);
  }
  const configs = request.forms('LaunchTemplateConfigs');
  if (configs.length === 0) {
    throw new Ec2Error('MissingParameter', 'The request must contain LaunchTemplateConfigs');
  }
  if (configs.length > configsMax) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `The number of launch template configurations must not exceed ${configsMax}.`,
    );
  }
  const targets = targetsOf(request);
  const fleetTags = taggedAs(request, 'instance');
  context.dryRun(request);
  return context.tokens.answer('CreateFleet', request.optional('ClientToken'), request.tree, () => {
    const fleetId = `fleet-${context.random.uuid()}`;
    const isCapacityBlock = targets.kind === 'capacity-block';
    const resolved = resolve(context, configs, (spec) => ({
      ...spec,
      ...(isCapacityBlock ? { isCapacityBlock } : {}),
      tags: { ...spec.tags, ...fleetTags, 'aws:ec2:fleet-id': fleetId },
    }));
    checkDistinct(resolved.overrides);
    const outcome = launch(context, request, targets, resolved);
    return { fleetId, errorSet: outcome.errors, fleetInstanceSet: outcome.instances };
  });
};

/** Every override of every configuration with what it launches. @throws Ec2Error */
function resolve(
  context: WireContext,
  configs: readonly Form[],
  adapt: (spec: LaunchSpec) => LaunchSpec,
): Resolved {
  const overrides: WireOverride[] = [];
  const errors: WireError[] = [];
  for (const config of configs) {
    const named = config.form('LaunchTemplateSpecification');
    const template = findTemplate(context, named);
    const version = versionOf(template, named.optional('Version'));
    const given = config.forms('Overrides');
    const specs = new Map<string | undefined, LaunchSpec>();
    const specFor = (override: Form): LaunchSpec => {
      const imageId = override.optional('ImageId');
      const known = specs.get(imageId);
      const spec = known ?? adapt(templateSpec(context, template, version, imageId));
      if (known === undefined) specs.set(imageId, spec);
      checkArchitecture(context, typeOf(override, version.data), spec.imageId);
      return spec;
    };
    const forms = given.length > 0 ? given : [new Form({}, 'Overrides')];
    for (const override of forms) {
      if (override.has('InstanceRequirements') || version.data.has('InstanceRequirements')) {
        throw new Ec2Error('UnsupportedOperation', 'InstanceRequirements are not simulated.');
      }
      const told = toldOverride(template, version.number, override, version.data);
      try {
        overrides.push({
          ...placeOf(context, override, version.data),
          told,
          spec: specFor(override),
        });
      } catch (error) {
        if (!(error instanceof Ec2Error)) throw error;
        errors.push({ told, code: error.code, message: error.text });
      }
    }
  }
  if (overrides.length + errors.length > overridesMax) {
    throw new Ec2Error('InvalidParameterValue', `More than ${overridesMax} overrides.`);
  }
  return { overrides, errors };
}

function templateSpec(
  context: WireContext,
  { id }: LaunchTemplate,
  { number, data }: TemplateVersion,
  imageId: string | undefined,
): LaunchSpec {
  const spec = launchSpecOf(context, data, imageId);
  return {
    ...spec,
    tags: {
      ...spec.tags,
      'aws:ec2launchtemplate:id': id,
      'aws:ec2launchtemplate:version': String(number),
    },
  };
}

function typeOf(override: Form, data: Form): string {
  return override.optional('InstanceType') ?? data.text('InstanceType');
}

function placeOf(
  { account, engine }: WireContext,
  override: Form,
  data: Form,
): Omit<FleetOverride, 'spec'> {
  const instanceType = typeOf(override, data);
  if (!engine.launcher.facts.has(instanceType)) {
    throw new Ec2Error('InvalidParameterValue', `The instance type '${instanceType}' is invalid.`);
  }
  const subnetId = override.optional('SubnetId') ?? subnetOfTemplate(data);
  const subnet = account.subnets.find((one) => one.subnetId === subnetId);
  if (subnetId !== undefined && subnet === undefined) {
    throw new Ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${subnetId}' does not exist`);
  }
  const zoneId = override.optional('AvailabilityZoneId');
  const zone =
    subnet?.zone ??
    override.optional('AvailabilityZone') ??
    account.subnets.find((one) => one.zoneId === zoneId)?.zone ??
    account.subnets[0]?.zone ??
    '';
  const priority = override.number('Priority');
  const maxPrice = override.number('MaxPrice');
  return {
    instanceType,
    zone,
    ...(subnet === undefined ? {} : { subnetId: subnet.subnetId }),
    ...(priority === undefined ? {} : { priority }),
    ...(maxPrice === undefined ? {} : { maxPriceNanoUsdPerHour: Math.round(maxPrice * 1e9) }),
  };
}

/** @throws Ec2Error where a type comes twice in a zone, or two subnets of one zone are named */
function checkDistinct(overrides: readonly WireOverride[]): void {
  const seen = new Set<string>();
  const subnets = new Map<string, string>();
  for (const { instanceType, zone, subnetId = '' } of overrides) {
    const key = `${instanceType}/${zone}`;
    if (seen.has(key)) {
      throw new Ec2Error(
        'InvalidFleetConfig',
        `All instance type/availability zone combinations must be unique: ${instanceType} in ${zone}.`,
      );
    }
    seen.add(key);
    if ((subnets.get(zone) ?? subnetId) !== subnetId) {
      throw new Ec2Error('InvalidFleetConfig', `More than one subnet is given for ${zone}.`);
    }
    subnets.set(zone, subnetId);
  }
}

function launch(
  context: WireContext,
  request: Form,
  targets: FleetTargets,
  { overrides, errors: wrong }: Resolved,
): { readonly instances: XmlValue[]; readonly errors: XmlValue[] } {
  const instances: XmlValue[] = [];
  const errors = wrong.map((error) => errorXml(error, targets.lifecycle));
  for (const capacityType of ['on-demand', 'spot'] as const) {
    const targetCapacity = targets[capacityType];
    if (targetCapacity === 0 || overrides.length === 0) continue;
    if (capacityType === 'spot' && !context.account.hasSpotRole) {
      errors.push(...overrides.map(({ told }) => errorXml({ told, ...noSpotRole }, 'spot')));
      continue;
    }
    const order = orderOf(request, capacityType, targetCapacity, overrides);
    const result = context.engine.fulfil(order);
    const lifecycle = capacityType === 'spot' ? 'spot' : targets.lifecycle;
    instances.push(...grouped(result.instances, overrides, lifecycle, context));
    for (const error of result.errors)
      errors.push(errorXml(error as unknown as WireError, lifecycle));
  }
  return { instances, errors };
}

const noSpotRole = {
  code: 'AuthFailure.ServiceLinkedRoleCreationNotPermitted',
  message:
    'The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.',
};

function orderOf(
  request: Form,
  capacityType: 'on-demand' | 'spot',
  targetCapacity: number,
  overrides: readonly WireOverride[],
): FleetOrder {
  const isSpot = capacityType === 'spot';
  const options = request.form(isSpot ? 'SpotOptions' : 'OnDemandOptions');
  const isSingleType = options.flag('SingleInstanceType');
  const isSingleZone = options.flag('SingleAvailabilityZone');
  const minCapacity = options.integer('MinTargetCapacity', 1, 1000);
  if (minCapacity !== undefined && !isSingleType && !isSingleZone) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      'MinTargetCapacity needs SingleInstanceType or SingleAvailabilityZone.',
    );
  }
  const poolsToUse = options.integer('InstancePoolsToUseCount', 1, 1000);
  return {
    capacityType,
    strategy: options.choice(
      'AllocationStrategy',
      isSpot ? spotStrategies : onDemandStrategies,
      'lowest-price',
    ),
    overrides,
    targetCapacity,
    isSingleType,
    isSingleZone,
    ...(minCapacity === undefined ? {} : { minCapacity }),
    ...(poolsToUse === undefined ? {} : { poolsToUse }),
    imageId: '',
    userData: '',
    tags: {},
  };
}

/** Instances of one override together, as AWS lists them. */
function grouped(
  instances: readonly Ec2Instance[],
  overrides: readonly WireOverride[],
  lifecycle: string,
  { catalogue }: WireContext,
): XmlValue[] {
  const keyOf = ({ instanceType, zone }: { instanceType: string; zone: string }): string =>
    `${instanceType}/${zone}`;
  const told = new Map(overrides.map((one) => [keyOf(one), one.told]));
  return [...Map.groupBy(instances, keyOf)].map(([key, group]): XmlValue => {
    const [first] = group;
    return {
      launchTemplateAndOverrides: told.get(key),
      lifecycle,
      instanceIds: group.map(({ instanceId }) => instanceId),
      instanceType: first?.instanceType,
      availabilityZone: first?.zone,
      availabilityZoneId: catalogue.zones.find(({ name }) => name === first?.zone)?.id,
      subnetId: first?.subnetId,
    };
  });
}

function errorXml({ told, code, message }: WireError, lifecycle: string): XmlValue {
  return { launchTemplateAndOverrides: told, lifecycle, errorCode: code, errorMessage: message };
}

function toldOverride(
  { id, name }: LaunchTemplate,
  version: number,
  override: Form,
  data: Form,
): XmlValue {
  return {
    launchTemplateSpecification: {
      launchTemplateId: id,
      launchTemplateName: name,
      version: String(version),
    },
    overrides: {
      instanceType: override.optional('InstanceType') ?? data.optional('InstanceType'),
      maxPrice: override.optional('MaxPrice'),
      subnetId: override.optional('SubnetId'),
      availabilityZone: override.optional('AvailabilityZone'),
      availabilityZoneId: override.optional('AvailabilityZoneId'),
      priority: override.number('Priority'),
      imageId: override.optional('ImageId'),
    },
  };
}
