/**
 * Reads instance types and where they are offered.
 *
 * In: a connection, what the catalogue knows. Out: facts of all types that could be nodes, the zones of
 * each. All pages; about twenty calls.
 */
import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
} from '@aws-sdk/client-ec2';
import type { InstanceTypeFacts } from '../../../core/state/instance-type.ts';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';
import { typeFacts } from './type-facts.ts';

export interface DescribedTypes {
  /** Without offerings, sorted by name. */
  readonly facts: readonly InstanceTypeFacts[];
  /** Type -> zones. */
  readonly zones: ReadonlyMap<string, readonly string[]>;
}

const typesPerPage = 100;
const offeringsPerPage = 1_000;

/** @throws AwsError */
export async function describeTypes(
  connection: Ec2Connection,
  catalogue: ReadonlyMap<string, InstanceTypeFacts>,
  signal: AbortSignal,
): Promise<DescribedTypes> {
  const [facts, zones] = await Promise.all([
    readFacts(connection, catalogue, signal),
    readZones(connection, signal),
  ]);
  return { facts: facts.filter(({ name }) => zones.has(name)), zones };
}

async function readFacts(
  { clients, api }: Ec2Connection,
  catalogue: ReadonlyMap<string, InstanceTypeFacts>,
  signal: AbortSignal,
): Promise<InstanceTypeFacts[]> {
  const found = new Map<string, InstanceTypeFacts>();
  const answers = pages(
    api,
    'ec2',
    'DescribeInstanceTypes',
    async (NextToken, options) =>
      await clients.ec2.send(
        new DescribeInstanceTypesCommand({
          MaxResults: typesPerPage,
          NextToken,
          Filters: [
            { Name: 'supported-virtualization-type', Values: ['hvm'] },
            { Name: 'processor-info.supported-architecture', Values: ['x86_64', 'arm64'] },
          ],
        }),
        options,
      ),
    signal,
  );
  for await (const page of answers) {
    for (const info of page.InstanceTypes ?? []) {
      const facts = typeFacts(info, catalogue.get(info.InstanceType ?? ''));
      if (facts !== undefined) found.set(facts.name, facts);
    }
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function readZones(
  { clients, api }: Ec2Connection,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const zones = new Map<string, string[]>();
  const answers = pages(
    api,
    'ec2',
    'DescribeInstanceTypeOfferings',
    async (NextToken, options) =>
      await clients.ec2.send(
        new DescribeInstanceTypeOfferingsCommand({
          MaxResults: offeringsPerPage,
          NextToken,
          LocationType: 'availability-zone',
        }),
        options,
      ),
    signal,
  );
  for await (const page of answers) {
    for (const { InstanceType, Location } of page.InstanceTypeOfferings ?? []) {
      if (InstanceType === undefined || Location === undefined) continue;
      const known = zones.get(InstanceType);
      if (known === undefined) zones.set(InstanceType, [Location]);
      else known.push(Location);
    }
  }
  for (const list of zones.values()) list.sort();
  return zones;
}
