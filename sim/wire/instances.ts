/**
 * EC2's answers about instances, and their end.
 *
 * In: the engine. Out: DescribeInstances, DescribeInstanceStatus, TerminateInstances, CreateTags and
 * DeleteTags. What an instance is told as is kept as long as it does not change: a page of a thousand
 * is put together from pieces.
 */
import { Ec2Error, type Ec2Instance } from '../ec2-types.ts';
import type { Account } from './account.ts';
import { isoTime, type QueryHandler, type WireContext } from './context.ts';
import { type FilterFields, filterOf, pageOf, tagSet } from './filters.ts';
import { type Form, tagsOf } from './form.ts';
import { type RawXml, rawXml, type XmlValue } from './xml.ts';

const pages = { min: 5, max: 1000, otherwise: 1000 };
const statusPages = { min: 5, max: 1000, otherwise: 100 };
const terminateMax = 1000;
const stateCodes: Readonly<Record<Ec2Instance['state'], number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

const instanceFields: FilterFields<Ec2Instance> = {
  'instance-id': ({ instanceId }) => instanceId,
  'instance-state-name': ({ state }) => state,
  'instance-state-code': ({ state }) => String(stateCodes[state]),
  'instance-type': ({ instanceType }) => instanceType,
  'availability-zone': ({ zone }) => zone,
  'subnet-id': ({ subnetId }) => subnetId,
  'network-interface.subnet-id': ({ subnetId }) => subnetId,
  'image-id': ({ imageId }) => imageId,
  'instance-lifecycle': lifecycleOf,
  'private-dns-name': ({ privateDnsName }) => privateDnsName,
  'private-ip-address': ({ privateIpAddress }) => privateIpAddress,
  'iam-instance-profile.arn': ({ spec }) => spec.instanceProfileArn,
  'instance.group-id': ({ spec }) => spec.securityGroupIds,
  'placement-group-name': ({ spec }) => spec.placementGroup?.name,
  'capacity-reservation-id': ({ reservationId }) => reservationId,
};
const kept = new WeakMap<Ec2Instance, RawXml>();

export const describeInstances: QueryHandler = (context, request) => {
  const ids = request.texts('InstanceId');
  if (ids.length > 0 && request.has('MaxResults')) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
  const matches = filterOf(request, instanceFields, ({ tags }) => tags);
  const { items, nextToken } = pageOf(request, seenOf(context, ids).filter(matches), pages);
  return { reservationSet: items.map((one) => reservationXml(one, context)), nextToken };
};

export const describeInstanceStatus: QueryHandler = (context, request) => {
  const includesAll = request.flag('IncludeAllInstances');
  const matches = filterOf(request, instanceFields, ({ tags }) => tags);
  const found = seenOf(context, request.texts('InstanceId'))
    .filter(({ state }) => includesAll || state === 'running')
    .filter(matches);
  const { items, nextToken } = pageOf(request, found, statusPages);
  return { instanceStatusSet: items.map((one) => statusXml(one, context)), nextToken };
};

export const terminateInstances: QueryHandler = (context, request) => {
  const { engine } = context;
  const ids = request.texts('InstanceId');
  if (ids.length === 0) throw new Ec2Error('MissingParameter', 'InstanceId is missing.');
  if (ids.length > terminateMax) {
    throw new Ec2Error('InvalidParameterValue', `No more than ${terminateMax} instances at once.`);
  }
  const before = new Map(seenOf(context, ids).map((one) => [one.instanceId, one.state]));
  context.dryRun(request);
  engine.admitInstances('TerminateInstances', ids.length);
  return {
    instancesSet: engine.end(ids).map(({ instanceId, state }) => ({
      instanceId,
      currentState: stateXml(state),
      previousState: stateXml(before.get(instanceId) ?? state),
    })),
  };
};

export const createTags: QueryHandler = (context, request) => {
  const tags = tagsOf(request, 'Tag');
  changeTags(context, request, (old) => ({ ...old, ...tags }));
  return { return: true };
};

/** Without a value a tag goes whatever it is, otherwise only if it is that. */
export const deleteTags: QueryHandler = (context, request) => {
  const doomed = request.forms('Tag');
  changeTags(context, request, (old) =>
    Object.fromEntries(
      Object.entries(old).filter(
        ([key, value]) =>
          !doomed.some(
            (tag) => tag.text('Key') === key && (tag.optional('Value') ?? value) === value,
          ),
      ),
    ),
  );
  return { return: true };
};

type TagChange = (old: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;

/** All of the resources or none. */
function changeTags(context: WireContext, request: Form, change: TagChange): void {
  const ids = request.texts('ResourceId');
  const { account, engine } = context;
  const changes = ids.map((id): (() => void) => {
    if (id.startsWith('i-')) {
      seenOf(context, [id]);
      return () => engine.retag(id, change);
    }
    const taggable = taggableOf(account, id);
    return () => {
      taggable.tags = change(taggable.tags);
    };
  });
  context.dryRun(request);
  for (const execute of changes) execute();
}

function taggableOf(account: Account, id: string): { tags: Readonly<Record<string, string>> } {
  const found =
    account.launchTemplates.get(id) ??
    account.subnets.find(({ subnetId }) => subnetId === id) ??
    account.securityGroups.find(({ groupId }) => groupId === id) ??
    account.placementGroups.find(({ groupId }) => groupId === id);
  if (found !== undefined) return found;
  throw new Ec2Error('InvalidID', `The ID '${id}' is not valid`);
}

/** @throws Ec2Error if one of the ids is not seen */
function seenOf({ engine }: WireContext, ids: readonly string[]): readonly Ec2Instance[] {
  if (ids.length === 0) return engine.visible();
  const malformed = ids.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id));
  if (malformed !== undefined) {
    throw new Ec2Error('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  }
  const found = engine.visible(ids);
  if (found.length === ids.length) return found;
  const known = new Set(found.map(({ instanceId }) => instanceId));
  const missing = ids.filter((id) => !known.has(id));
  const words =
    missing.length === 1
      ? `The instance ID '${missing[0]}' does not exist`
      : `The instance IDs '${missing.join(', ')}' do not exist`;
  throw new Ec2Error('InvalidInstanceID.NotFound', words);
}

function lifecycleOf({ capacityType, spec }: Ec2Instance): string | undefined {
  if (capacityType === 'spot') return 'spot';
  return spec.isCapacityBlock === true ? 'capacity-block' : undefined;
}

function stateXml(state: Ec2Instance['state']): XmlValue {
  return { code: stateCodes[state], name: state };
}

function reservationXml(instance: Ec2Instance, context: WireContext): RawXml {
  const known = kept.get(instance);
  if (known !== undefined) return known;
  const { accountId } = context.account;
  const made = rawXml(
    {
      reservationId: `r-${instance.instanceId.slice(2)}`,
      ownerId: accountId,
      groupSet: [],
      instancesSet: [instanceXml(instance, context)],
    },
    'item',
  );
  kept.set(instance, made);
  return made;
}

/** An instance as DescribeInstances and RunInstances tell it. */
export function instanceXml(
  instance: Ec2Instance,
  { account, engine, catalogue }: WireContext,
): XmlValue {
  const { instanceId, spec, stateReason, state, zone, subnetId, privateIpAddress } = instance;
  const hasNetwork = state === 'pending' || state === 'running';
  const type = engine.launcher.facts.get(instance.instanceType);
  const groups = (spec.securityGroupIds ?? []).map((groupId) => ({
    groupId,
    groupName: account.securityGroups.find((group) => group.groupId === groupId)?.name ?? '',
  }));
  return {
    instanceId,
    imageId: instance.imageId,
    instanceState: stateXml(state),
    privateDnsName: hasNetwork ? instance.privateDnsName : '',
    dnsName: '',
    reason: stateReason,
    amiLaunchIndex: 0,
    instanceType: instance.instanceType,
    launchTime: isoTime(instance.launchedMs),
    placement: {
      availabilityZone: zone,
      availabilityZoneId: catalogue.zones.find(({ name }) => name === zone)?.id,
      groupName: spec.placementGroup?.name ?? '',
      tenancy: spec.tenancy ?? 'default',
    },
    subnetId: hasNetwork ? subnetId : undefined,
    vpcId: hasNetwork ? account.vpcId : undefined,
    privateIpAddress: hasNetwork ? privateIpAddress : undefined,
    stateReason:
      stateReason === '' ? undefined : { code: stateReason, message: reasonText(stateReason) },
    architecture: type?.architecture === 'arm64' ? 'arm64' : 'x86_64',
    rootDeviceType: 'ebs',
    virtualizationType: 'hvm',
    instanceLifecycle: lifecycleOf(instance),
    spotInstanceRequestId:
      instance.capacityType === 'spot' ? `sir-${instanceId.slice(2, 10)}` : undefined,
    iamInstanceProfile:
      spec.instanceProfileArn === undefined
        ? undefined
        : { arn: spec.instanceProfileArn, id: `AIPA${instanceId.slice(2)}` },
    groupSet: groups,
    networkInterfaceSet: hasNetwork ? interfacesXml(instance, account) : [],
    capacityReservationId: instance.reservationId,
    ebsOptimized: false,
    enaSupport: true,
    platformDetails: 'Linux/UNIX',
    tagSet: tagSet(instance.tags),
  };
}

function interfacesXml(
  { spec, subnetId, privateIpAddress, instanceId }: Ec2Instance,
  account: Account,
): XmlValue {
  const count = spec.networkInterfaceCount ?? 1;
  return Array.from({ length: count }, (_, index) => ({
    networkInterfaceId: `eni-${instanceId.slice(2, 17)}${index.toString(16).padStart(2, '0')}`,
    subnetId,
    vpcId: account.vpcId,
    ownerId: account.accountId,
    status: 'in-use',
    privateIpAddress: index === 0 ? privateIpAddress : undefined,
    attachment: { deviceIndex: index === 0 ? 0 : 1, networkCardIndex: index, status: 'attached' },
    groupSet: (spec.securityGroupIds ?? []).map((groupId) => ({ groupId })),
    interfaceType: 'interface',
  }));
}

/** As AWS puts it. */
function reasonText(code: string): string {
  switch (code) {
    case 'Client.UserInitiatedShutdown':
      return 'Client.UserInitiatedShutdown: User initiated shutdown';
    case 'Server.SpotInstanceTermination':
      return 'Server.SpotInstanceTermination: Spot instance termination';
    default:
      return code;
  }
}

function statusXml(instance: Ec2Instance, { health, catalogue }: WireContext): XmlValue {
  const { instanceId, state, zone } = instance;
  const checks = health.checksOf(instanceId);
  const check = (name: 'instance' | 'system' | 'ebs'): XmlValue => {
    if (state !== 'running') return { status: 'not-applicable' };
    const isFailed = checks?.failed.has(name) === true;
    const impairedSince = isFailed ? isoTime(checks.sinceMs) : undefined;
    const status = isFailed ? 'failed' : 'passed';
    return {
      status: isFailed ? 'impaired' : 'ok',
      details: [{ name: 'reachability', status, impairedSince }],
    };
  };
  return {
    instanceId,
    availabilityZone: zone,
    availabilityZoneId: catalogue.zones.find(({ name }) => name === zone)?.id,
    instanceState: stateXml(state),
    instanceStatus: check('instance'),
    systemStatus: check('system'),
    attachedEbsStatus: check('ebs'),
    eventsSet: health.eventsOf(instanceId).map(({ eventId, code, startMs }) => ({
      instanceEventId: eventId,
      code,
      description: 'scheduled maintenance',
      notBefore: isoTime(startMs),
    })),
  };
}
