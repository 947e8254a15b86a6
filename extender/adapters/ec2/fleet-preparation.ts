/**
 * Makes an ask into a fleet: subnets, images, launch templates.
 *
 * In: an ask, for how many instances, the request, the types under its class. Out: the fleet, with
 * addresses booked in its subnets, and the offerings that nothing can be launched for now. One subnet
 * per zone, as EC2 wants it. EC2 may put all instances into one of the subnets, so no more are asked
 * for than each of them has room for. It calls EC2 only to make templates.
 */
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import type { LaunchOffering, LaunchRequest } from '../../../core/cloud-port.ts';
import type { FleetAsk } from '../../../core/ec2/fleet-asks.ts';
import { imageFor } from '../../../core/ec2/images.ts';
import { kubeletStatement } from '../../../core/ec2/kubelet-statement.ts';
import {
  type LaunchTemplateContent,
  launchTemplateContent,
} from '../../../core/ec2/launch-template.ts';
import { addressesOf } from '../../../core/ec2/node-addresses.ts';
import type { SubnetLedger } from '../../../core/ec2/subnet-ledger.ts';
import { userData } from '../../../core/ec2/user-data/user-data.ts';
import { reservationOf } from '../../../core/scheduling/offering-labels.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import type { ClusterLookup } from './cluster-lookup.ts';
import type { PreparedOffering } from './fleet-call.ts';
import type { TemplateStore } from './templates.ts';
import { toml } from './toml.ts';

export interface Preparation {
  readonly offerings: readonly PreparedOffering[];
  /** No subnet of their zone has room. */
  readonly withoutAddresses: readonly LaunchOffering[];
  /** Some subnet of their zone may have room again when launches under way have ended. */
  readonly awaitingAddresses: readonly LaunchOffering[];
  /** The class cannot launch them, whatever EC2 has; with why. */
  readonly impossible: { readonly offerings: readonly LaunchOffering[]; readonly message: string };
  /** Instances to ask for: at most those that are wanted. */
  readonly count: number;
  /** The launch has ended, with an instance in each of these subnets. */
  readonly release: (usedSubnetIds: readonly string[]) => void;
}

export interface PreparationTools {
  readonly templates: TemplateStore;
  readonly cluster: ClusterLookup;
  readonly ledger: SubnetLedger;
  readonly clusterName: string;
  readonly nowMs: () => number;
}

/** @throws AwsError, CloudError */
export async function prepareFleet(
  tools: PreparationTools,
  ask: FleetAsk,
  wanted: number,
  request: LaunchRequest,
  types: ReadonlyMap<string, InstanceType>,
  signal: AbortSignal | undefined,
): Promise<Preparation> {
  const { nodeClass } = request;
  const impossible: LaunchOffering[] = [];
  let message = '';
  const startable: Startable[] = [];
  /** Most types of an ask start from one template, which takes milliseconds to write. */
  const templates = new Map<string, Template>();
  for (const offering of ask.offerings) {
    const type = types.get(offering.instanceType);
    const imageId = type === undefined ? undefined : imageFor(nodeClass, type);
    if (type === undefined || imageId === undefined) {
      impossible.push(offering);
      message =
        type === undefined
          ? `instance type ${offering.instanceType} is not known`
          : `status.amis has no image for ${offering.instanceType}`;
      continue;
    }
    const key = templateKey(type, imageId, ask.reservationId);
    const made =
      templates.get(key) ??
      (await templateFor(tools, request, type, imageId, ask.reservationId, signal));
    templates.set(key, made);
    if ('problem' in made) {
      impossible.push(offering);
      message = made.problem;
      continue;
    }
    const isOfBlock = reservationOf(type, ask.reservationId)?.kind === 'capacity-block';
    startable.push({ offering, template: made.name, imageId, isOfBlock, type });
  }
  return {
    ...placed(tools, nodeClass, startable, wanted),
    impossible: { offerings: impossible, message },
  };
}

/** An offering with what it starts from. */
interface Startable extends Omit<PreparedOffering, 'subnetId'> {
  readonly type: InstanceType;
}

/** Chooses subnets and books their addresses, with nobody in between. */
function placed(
  tools: PreparationTools,
  nodeClass: EC2NodeClass,
  startable: readonly Startable[],
  wanted: number,
): Omit<Preparation, 'impossible'> {
  const { ledger, nowMs } = tools;
  const withoutAddresses: LaunchOffering[] = [];
  const awaitingAddresses: LaunchOffering[] = [];
  const roomy: Roomy[] = [];
  const subnets = subnetPerZone(tools, nodeClass, startable);
  for (const { type, ...one } of startable) {
    const { offering } = one;
    const subnetId = subnets.get(offering.zone);
    const addresses = addressesOf(type);
    const room = subnetId === undefined ? 0 : ledger.free(subnetId, nowMs()) / addresses;
    if (subnetId === undefined || room < 1) {
      const isHeld = subnetIdsOf(nodeClass, offering.zone).some(
        (id) => ledger.unclaimed(id, nowMs()) >= addresses,
      );
      (isHeld ? awaitingAddresses : withoutAddresses).push(offering);
      continue;
    }
    roomy.push({ prepared: { ...one, subnetId }, room: Math.floor(room), addresses });
  }
  const { chosen, count } = chooseByRoom(roomy, wanted);
  return {
    offerings: chosen.map(({ prepared }) => prepared),
    withoutAddresses,
    awaitingAddresses,
    count,
    release: book(tools, chosen, count),
  };
}

interface Roomy {
  readonly prepared: PreparedOffering;
  /** Instances that its subnet has addresses for. */
  readonly room: number;
  readonly addresses: number;
}

/** As many as the first choice has room for, and whatever else has room for so many. */
function chooseByRoom(
  roomy: readonly Roomy[],
  wanted: number,
): { readonly chosen: readonly Roomy[]; readonly count: number } {
  const [first] = roomy;
  const count = Math.min(wanted, first?.room ?? 0);
  return { chosen: roomy.filter(({ room }) => room >= count), count };
}

/** Zone -> its roomiest subnet; none where the smallest of the wanted types finds no room. */
function subnetPerZone(
  { ledger, nowMs }: PreparationTools,
  nodeClass: EC2NodeClass,
  startable: readonly Startable[],
): ReadonlyMap<string, string> {
  const chosen = new Map<string, string>();
  for (const [zone, ofZone] of Map.groupBy(startable, ({ offering }) => offering.zone)) {
    const least = Math.min(...ofZone.map(({ type }) => addressesOf(type)));
    const best = ledger.roomiest(subnetIdsOf(nodeClass, zone), least, nowMs());
    if (best !== undefined) chosen.set(zone, best);
  }
  return chosen;
}

function subnetIdsOf({ status }: EC2NodeClass, zone: string): readonly string[] {
  return (status?.subnets ?? []).flatMap((subnet) => (subnet.zone === zone ? [subnet.id] : []));
}

/** Which of the subnets will be used EC2 decides: all are booked until then. */
function book(
  { ledger, nowMs }: PreparationTools,
  chosen: readonly Roomy[],
  count: number,
): (usedSubnetIds: readonly string[]) => void {
  const bySubnet = Map.groupBy(chosen, ({ prepared }) => prepared.subnetId);
  const held = [...bySubnet].flatMap(([subnetId, group]) => {
    // Any of the types may come: the one that takes most must have room.
    const addresses = Math.max(...group.map((one) => one.addresses));
    return Array.from({ length: count }, () => ({
      subnetId,
      booking: ledger.book({ subnetId, addresses }),
    }));
  });
  return (usedSubnetIds) => {
    const left = [...usedSubnetIds];
    for (const { subnetId, booking } of held) {
      const used = left.indexOf(subnetId);
      if (used >= 0) left.splice(used, 1);
      ledger.settle(booking, used >= 0, nowMs());
    }
  };
}

/** A launch template, or why there can be none. */
type Template = { readonly name: string } | { readonly problem: string };

/** What of a type, beside the request, its template depends on. */
function templateKey(
  { name, capacity, facts }: InstanceType,
  imageId: string,
  reservationId: string | undefined,
): string {
  const parts = [imageId, capacity['pods'], facts.efaCount];
  return JSON.stringify(reservationId === undefined ? parts : [...parts, name]);
}

async function templateFor(
  tools: PreparationTools,
  request: LaunchRequest,
  type: InstanceType,
  imageId: string,
  reservationId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Template> {
  const made = await templateContentFor(tools, request, type, imageId, reservationId, signal);
  if ('problem' in made) return made;
  return { name: await tools.templates.ensure(made.content, request.nodeClass, signal) };
}

/** The content of the template that a type starts from. @throws AwsError, CloudError */
export async function templateContentFor(
  { cluster, clusterName }: PreparationTools,
  { nodeClass, labels, taints, hasEfa }: LaunchRequest,
  type: InstanceType,
  imageId: string,
  reservationId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ readonly content: LaunchTemplateContent } | { readonly problem: string }> {
  const facts = await cluster(signal);
  const kubelet = kubeletStatement(nodeClass, type.capacity['pods'] ?? 0, facts.dnsAddresses);
  const data = userData(
    nodeClass,
    {
      cluster: facts,
      kubelet,
      labels,
      taints,
      joinsLocalDisks: nodeClass.spec.instanceStorePolicy === 'RAID0',
      custom: nodeClass.spec.userData,
    },
    toml,
  );
  if ('problem' in data) return data;
  const content = launchTemplateContent({
    nodeClass,
    imageId,
    userData: Buffer.from(data.text).toString('base64'),
    isIPv6: facts.isIPv6,
    efaCount: hasEfa === true ? type.facts.efaCount : 0,
    // Also where it is not offered any more: the launch is for this reservation or for none.
    reservation:
      reservationId === undefined
        ? undefined
        : (reservationOf(type, reservationId) ?? { id: reservationId, kind: 'default' }),
    tags: {
      ...nodeClass.spec.tags,
      [`kubernetes.io/cluster/${clusterName}`]: 'owned',
      'eks:eks-cluster-name': clusterName,
    },
  });
  return { content };
}
