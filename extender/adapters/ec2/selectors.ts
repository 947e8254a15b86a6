/**
 * Finds what the selectors of an EC2NodeClass name: subnets, security groups, reservations, the
 * placement group.
 *
 * In: terms. Out: what matches any of them, once each. Within a term all fields must match. It keeps
 * nothing.
 */
import {
  DescribeCapacityReservationsCommand,
  DescribePlacementGroupsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  type CapacityReservation as Ec2Reservation,
  type Filter,
} from '@aws-sdk/client-ec2';
import type {
  CapacityReservation,
  CapacityReservationSelectorTerm,
  PlacementGroupSelector,
  SecurityGroupSelectorTerm,
  SubnetSelectorTerm,
} from '../../../core/api/ec2nodeclass.ts';
import type { PlacementGroup, SecurityGroup } from '../../../core/ec2/node-class-port.ts';
import { blockDrainMs, type ReservationCount } from '../../../core/ec2/reservation-ledger.ts';
import type { Subnet } from '../../../core/ec2/subnet-ledger.ts';
import { AwsError } from './api-calls.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';

/** Values of one filter; EC2 takes no more. */
const filterValuesMax = 200;
const resultsPerPage = 500;
const unknownGroup = 'InvalidPlacementGroup.Unknown';

/** Ordered by id. @throws AwsError */
export async function findSubnets(
  { clients, api }: Ec2Connection,
  terms: readonly SubnetSelectorTerm[],
  signal: AbortSignal | undefined,
): Promise<readonly Subnet[]> {
  const found = new Map<string, Subnet>();
  for (const Filters of filterSets(terms, (id) => ({ Name: 'subnet-id', Values: [id] }))) {
    const answers = pages(
      api,
      'ec2',
      'DescribeSubnets',
      async (NextToken, options) =>
        await clients.ec2.send(
          new DescribeSubnetsCommand({ Filters, NextToken, MaxResults: resultsPerPage }),
          options,
        ),
      signal,
    );
    for await (const page of answers) {
      for (const one of page.Subnets ?? []) {
        if (one.SubnetId === undefined || one.AvailabilityZone === undefined) continue;
        found.set(one.SubnetId, {
          id: one.SubnetId,
          zone: one.AvailabilityZone,
          zoneId: one.AvailabilityZoneId ?? '',
          freeAddresses: one.AvailableIpAddressCount ?? 0,
        });
      }
    }
  }
  return byId(found);
}

/** Ordered by id. @throws AwsError */
export async function findSecurityGroups(
  { clients, api }: Ec2Connection,
  terms: readonly SecurityGroupSelectorTerm[],
  signal: AbortSignal | undefined,
): Promise<readonly SecurityGroup[]> {
  const found = new Map<string, SecurityGroup>();
  for (const Filters of filterSets(terms, (id) => ({ Name: 'group-id', Values: [id] }))) {
    const answers = pages(
      api,
      'ec2',
      'DescribeSecurityGroups',
      async (NextToken, options) =>
        await clients.ec2.send(
          new DescribeSecurityGroupsCommand({ Filters, NextToken, MaxResults: resultsPerPage }),
          options,
        ),
      signal,
    );
    for await (const page of answers) {
      for (const { GroupId, GroupName } of page.SecurityGroups ?? []) {
        if (GroupId !== undefined) found.set(GroupId, { id: GroupId, name: GroupName ?? '' });
      }
    }
  }
  return byId(found);
}

/** Undefined if there is none that can be launched into. @throws AwsError */
export async function findPlacementGroup(
  { clients, api }: Ec2Connection,
  { id, name }: PlacementGroupSelector,
  signal: AbortSignal | undefined,
): Promise<PlacementGroup | undefined> {
  const called = name === undefined ? [] : [{ Name: 'group-name', Values: [name] }];
  const command = new DescribePlacementGroupsCommand({
    Filters: [{ Name: 'state', Values: ['available'] }, ...called],
    ...(id === undefined ? {} : { GroupIds: [id] }),
  });
  try {
    const { PlacementGroups = [] } = await api.call(
      'ec2',
      'DescribePlacementGroups',
      async (abortSignal) =>
        await clients.ec2.send(command, abortSignal === undefined ? {} : { abortSignal }),
      { signal },
    );
    const [found] = PlacementGroups;
    return found?.GroupId === undefined
      ? undefined
      : { id: found.GroupId, name: found.GroupName ?? '' };
  } catch (error) {
    // By id, what does not exist is an error; by a filter it is nothing.
    if (error instanceof AwsError && error.code === unknownGroup) return undefined;
    throw error;
  }
}

/** A reservation, and how many more instances EC2 says it has room for. */
export interface FoundReservation extends ReservationCount {
  readonly status: CapacityReservation;
}

/** Active ones, ordered by id. @throws AwsError */
export async function findReservations(
  { clients, api, clock }: Ec2Connection,
  terms: readonly CapacityReservationSelectorTerm[],
  signal: AbortSignal | undefined,
): Promise<readonly FoundReservation[]> {
  const found = new Map<string, FoundReservation>();
  for (const term of terms) {
    const { id, ownerID, instanceMatchCriteria, tags } = term;
    const Filters: Filter[] = [
      { Name: 'state', Values: ['active'] },
      ...tagFilters(tags ?? {}),
      ...(ownerID === undefined ? [] : [{ Name: 'owner-id', Values: [ownerID] }]),
      ...(instanceMatchCriteria === undefined
        ? []
        : [{ Name: 'instance-match-criteria', Values: [instanceMatchCriteria] }]),
    ];
    const answers = pages(
      api,
      'ec2',
      'DescribeCapacityReservations',
      async (NextToken, options) =>
        await clients.ec2.send(
          new DescribeCapacityReservationsCommand({
            Filters,
            NextToken,
            ...(id === undefined
              ? { MaxResults: resultsPerPage }
              : { CapacityReservationIds: [id] }),
          }),
          options,
        ),
      signal,
    );
    for await (const page of answers) {
      for (const one of page.CapacityReservations ?? []) {
        const status = reservationStatus(one, clock.nowMs());
        if (status === undefined) continue;
        const availableCount = one.AvailableInstanceCount ?? 0;
        found.set(status.id, { id: status.id, availableCount, status });
      }
    }
  }
  return byId(found);
}

function reservationStatus(one: Ec2Reservation, nowMs: number): CapacityReservation | undefined {
  const { CapacityReservationId: id, InstanceType, AvailabilityZone, OwnerId, EndDate } = one;
  if (id === undefined || InstanceType === undefined || AvailabilityZone === undefined) {
    return undefined;
  }
  const isBlock = one.ReservationType === 'capacity-block';
  const isExpiring = isBlock && EndDate !== undefined && EndDate.getTime() - nowMs < blockDrainMs;
  return {
    id,
    availabilityZone: AvailabilityZone,
    instanceType: InstanceType,
    instanceMatchCriteria: one.InstanceMatchCriteria === 'targeted' ? 'targeted' : 'open',
    ownerID: OwnerId ?? '',
    reservationType: isBlock ? 'capacity-block' : 'default',
    state: isExpiring ? 'expiring' : 'active',
    ...(one.Interruptible === true ? { interruptible: true } : {}),
    ...(EndDate === undefined ? {} : { endTime: EndDate.toISOString().replace(/\.\d+Z$/, 'Z') }),
  };
}

interface Term {
  readonly id?: string;
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

/** One set of filters per term, those that name ids together. */
function filterSets(
  terms: readonly Term[],
  idFilter: (id: string) => { readonly Name: string; readonly Values: string[] },
): readonly Filter[][] {
  const ids = terms.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const sets: Filter[][] = [];
  for (let at = 0; at < ids.length; at += filterValuesMax) {
    const { Name } = idFilter('');
    sets.push([{ Name, Values: ids.slice(at, at + filterValuesMax) }]);
  }
  for (const { id, name, tags } of terms) {
    if (id !== undefined) continue;
    sets.push([
      ...tagFilters(tags ?? {}),
      ...(name === undefined ? [] : [{ Name: 'group-name', Values: [name] }]),
    ]);
  }
  return sets;
}

/** `*` as value: the key alone. */
export function tagFilters(tags: Readonly<Record<string, string>>): Filter[] {
  return Object.entries(tags).map(([key, value]) =>
    value === '*' ? { Name: 'tag-key', Values: [key] } : { Name: `tag:${key}`, Values: [value] },
  );
}

function byId<T extends { readonly id: string }>(found: ReadonlyMap<string, T>): readonly T[] {
  return [...found.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
