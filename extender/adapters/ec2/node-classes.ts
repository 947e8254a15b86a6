/**
 * The node class port on EC2: what selectors find, what a launch would be allowed.
 *
 * In: node classes. Out: findings, as `core/ec2/node-class-port.ts` promises them. AWS's errors are the
 * port's from here on. Successful dry runs are believed for half an hour.
 */
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { unregisteredTaint } from '../../../core/api/labels.ts';
import type { LaunchOffering, LaunchRequest } from '../../../core/cloud-port.ts';
import { imageFor } from '../../../core/ec2/images.ts';
import type { NodeClassCloud, ValidationProblem } from '../../../core/ec2/node-class-port.ts';
import type { ReservationLedger } from '../../../core/ec2/reservation-ledger.ts';
import { userDataBytesMax } from '../../../core/ec2/user-data/user-data.ts';
import type { InstanceType } from '../../../core/state/instance-type.ts';
import { cloudErrorOf } from './api-calls.ts';
import type { ClusterLookup } from './cluster-lookup.ts';
import type { Ec2Connection } from './connection.ts';
import { tryLaunch, tryTemplate } from './dry-runs.ts';
import { type PreparationTools, prepareFleet, templateContentFor } from './fleet-preparation.ts';
import { createImageLookup } from './image-lookup.ts';
import { createInstanceProfiles } from './instance-profiles.ts';
import {
  findPlacementGroup,
  findReservations,
  findSecurityGroups,
  findSubnets,
} from './selectors.ts';
import type { TypeBook } from './type-book.ts';

const validatedMs = 30 * 60_000;
const validationsMax = 1_000;

export interface NodeClassTools extends PreparationTools {
  readonly cluster: ClusterLookup;
  readonly types: TypeBook;
  readonly reservations: ReservationLedger;
}

export function createNodeClassCloud(
  connection: Ec2Connection,
  tools: NodeClassTools,
): NodeClassCloud {
  const images = createImageLookup(connection);
  const profiles = createInstanceProfiles(connection);
  /** What of a class was tried -> until when that is believed. */
  const validUntilMs = new Map<string, number>();

  async function validate(
    nodeClass: EC2NodeClass,
    signal: AbortSignal | undefined,
  ): Promise<ValidationProblem | undefined> {
    const sample = sampleOf(nodeClass, tools.types.of(nodeClass).list);
    if (sample === undefined) {
      return {
        reason: 'NoInstanceTypes',
        message: 'no instance type can be launched: subnets, images and settings leave none',
      };
    }
    const request = sampleRequest(connection, nodeClass, sample.offering);
    const made = await templateContentFor(
      tools,
      request,
      sample.type,
      sample.imageId,
      undefined,
      signal,
    );
    if ('problem' in made) return { reason: 'InvalidUserData', message: made.problem };
    const bytes = Buffer.byteLength(made.content.UserData, 'base64');
    if (bytes > userDataBytesMax) {
      return {
        reason: 'UserDataSizeLimitExceeded',
        message: `user data has ${bytes} bytes, EC2 takes ${userDataBytesMax}: shorten spec.userData`,
      };
    }
    const key = JSON.stringify([nodeClass.apiVersion, nodeClass.metadata.name, made.content]);
    const nowMs = connection.clock.monotonicMs();
    if ((validUntilMs.get(key) ?? 0) > nowMs) return undefined;
    const problem =
      (await tryTemplate(connection, made.content, request.tags, signal)) ??
      (await tryFleet(nodeClass, request, sample, signal));
    if (problem !== undefined) return problem;
    if (validUntilMs.size >= validationsMax) validUntilMs.clear();
    validUntilMs.set(key, nowMs + validatedMs);
    return undefined;
  }

  async function tryFleet(
    nodeClass: EC2NodeClass,
    request: LaunchRequest,
    { offering, type }: Sample,
    signal: AbortSignal | undefined,
  ): Promise<ValidationProblem | undefined> {
    const ask = {
      capacityType: offering.capacityType,
      strategy: 'prioritized' as const,
      reservationId: undefined,
      offerings: [offering],
    };
    const prepared = await prepareFleet(
      tools,
      ask,
      1,
      request,
      new Map([[type.name, type]]),
      signal,
    );
    prepared.release([]);
    // Full subnets say nothing of rights.
    if (prepared.offerings.length === 0) return undefined;
    return await tryLaunch(
      connection,
      {
        ask,
        clientToken: '',
        count: 1,
        offerings: prepared.offerings,
        tags: request.tags,
        context: nodeClass.spec.context,
      },
      signal,
    );
  }

  return {
    clusterName: connection.clusterName,
    subnets: async ({ spec }, { signal } = {}) =>
      await asPort(async () => {
        const found = await findSubnets(connection, spec.subnetSelectorTerms, signal);
        tools.ledger.observe(found, connection.clock.nowMs());
        return found;
      }),
    securityGroups: async ({ spec }, { signal } = {}) =>
      await asPort(
        async () => await findSecurityGroups(connection, spec.securityGroupSelectorTerms, signal),
      ),
    images: async (nodeClass, { signal } = {}) =>
      await asPort(
        async () =>
          await images.find(
            nodeClass,
            async () => (await tools.cluster(signal)).kubernetesVersion,
            signal,
          ),
      ),
    capacityReservations: async ({ spec }, { signal } = {}) =>
      await asPort(async () => {
        const terms = spec.capacityReservationSelectorTerms ?? [];
        const found = await findReservations(connection, terms, signal);
        tools.reservations.observe(found, connection.clock.nowMs());
        return found.map(({ status }) => status);
      }),
    placementGroup: async ({ spec }, { signal } = {}) =>
      await asPort(
        async () => await findPlacementGroup(connection, spec.placementGroupSelector ?? {}, signal),
      ),
    instanceProfile: async (nodeClass, { signal } = {}) =>
      await asPort(async () => await profiles.ensure(nodeClass, signal)),
    validate: async (nodeClass, { signal } = {}) =>
      await asPort(async () => await validate(nodeClass, signal)),
    forget: async (nodeClass, { signal } = {}) =>
      await asPort(async () => {
        await tools.templates.forget(nodeClass, signal);
        await profiles.forget(nodeClass, signal);
      }),
    collectTemplates: async ({ signal } = {}) =>
      await asPort(async () => await tools.templates.collect(signal)),
  };
}

interface Sample {
  readonly type: InstanceType;
  readonly imageId: string;
  readonly offering: LaunchOffering;
}

/** The cheapest offering on demand: its rights are those of all. */
function sampleOf(nodeClass: EC2NodeClass, types: readonly InstanceType[]): Sample | undefined {
  let best: (Sample & { readonly price: number }) | undefined;
  for (const type of types) {
    const imageId = imageFor(nodeClass, type);
    if (imageId === undefined) continue;
    for (const { available, capacityType, zone, priceNanoUsdPerHour: price } of type.offerings) {
      const isUsable = available && capacityType === 'on-demand';
      if (!isUsable || (best !== undefined && best.price <= price)) continue;
      best = { type, imageId, price, offering: { instanceType: type.name, zone, capacityType } };
    }
  }
  return best;
}

function sampleRequest(
  { clusterName }: Ec2Connection,
  nodeClass: EC2NodeClass,
  offering: LaunchOffering,
): LaunchRequest {
  return {
    clientToken: '',
    nodeClaimName: 'dry-run',
    nodePoolName: '',
    nodeClass,
    offerings: [offering],
    tags: {
      ...nodeClass.spec.tags,
      [`kubernetes.io/cluster/${clusterName}`]: 'owned',
      'eks:eks-cluster-name': clusterName,
      Name: 'dry-run',
    },
    labels: {},
    taints: [{ ...unregisteredTaint }],
  };
}

async function asPort<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw cloudErrorOf(error);
  }
}
