/**
 * Reads what instances cost: on demand from the Pricing API, spot from its price history.
 *
 * In: a connection. Out: nano-USD per hour, by type, and by type and zone. Linux, shared tenancy,
 * nothing pre-installed. A price that cannot be read is left out, none is guessed.
 */
import { DescribeSpotPriceHistoryCommand } from '@aws-sdk/client-ec2';
import { GetProductsCommand } from '@aws-sdk/client-pricing';
import type { Ec2Connection } from './connection.ts';
import { pages } from './paging.ts';

const productsPerPage = 100;
const spotPricesPerPage = 1_000;
const nanoPerUsd = 1e9;

/** Type -> nano-USD per hour. @throws AwsError */
export async function readOnDemandPrices(
  { clients, api, region }: Ec2Connection,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const prices = new Map<string, number>();
  const filters = {
    regionCode: region,
    preInstalledSw: 'NA',
    operatingSystem: 'Linux',
    capacitystatus: 'Used',
    marketoption: 'OnDemand',
    tenancy: 'Shared',
  };
  const answers = pages(
    api,
    'pricing',
    'GetProducts',
    async (NextToken, options) =>
      await clients.pricing.send(
        new GetProductsCommand({
          ServiceCode: 'AmazonEC2',
          MaxResults: productsPerPage,
          NextToken,
          Filters: Object.entries(filters).map(([Field, Value]) => ({
            Type: 'TERM_MATCH',
            Field,
            Value,
          })),
        }),
        options,
      ),
    signal,
  );
  for await (const page of answers) {
    for (const item of page.PriceList ?? []) {
      // A string object of the SDK's, which parses itself only on demand.
      const found = productPrice(item.toString());
      if (found === undefined) continue;
      // A type may be listed more than once, with fees that are none: the dearest is the price.
      const known = prices.get(found.instanceType) ?? 0;
      prices.set(found.instanceType, Math.max(known, found.priceNanoUsdPerHour));
    }
  }
  return prices;
}

interface Product {
  readonly product?: { readonly attributes?: { readonly instanceType?: string } };
  readonly terms?: {
    readonly OnDemand?: Readonly<
      Record<
        string,
        {
          readonly priceDimensions?: Readonly<
            Record<
              string,
              { readonly unit?: string; readonly pricePerUnit?: { readonly USD?: string } }
            >
          >;
        }
      >
    >;
  };
}

function productPrice(
  text: string,
): { readonly instanceType: string; readonly priceNanoUsdPerHour: number } | undefined {
  let product: Product;
  try {
    product = JSON.parse(text) as Product;
  } catch {
    return undefined;
  }
  const instanceType = product.product?.attributes?.instanceType;
  const [price] = Object.values(product.terms?.OnDemand ?? {})
    .flatMap(({ priceDimensions }) => Object.values(priceDimensions ?? {}))
    .map(({ pricePerUnit }) => nanoOf(pricePerUnit?.USD))
    .filter((nano) => nano !== undefined);
  return instanceType === undefined || price === undefined
    ? undefined
    : { instanceType, priceNanoUsdPerHour: price };
}

/** Keys `type/zone` -> nano-USD per hour. @throws AwsError */
export async function readSpotPrices(
  { clients, api, clock }: Ec2Connection,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const latest = new Map<string, { readonly nano: number; readonly atMs: number }>();
  const StartTime = new Date(clock.nowMs());
  const answers = pages(
    api,
    'ec2',
    'DescribeSpotPriceHistory',
    async (NextToken, options) =>
      await clients.ec2.send(
        new DescribeSpotPriceHistoryCommand({
          // From now on: the prices that hold, one for each pool.
          StartTime,
          ProductDescriptions: ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'],
          MaxResults: spotPricesPerPage,
          NextToken,
        }),
        options,
      ),
    signal,
  );
  for await (const page of answers) {
    for (const { InstanceType, AvailabilityZone, SpotPrice, Timestamp } of page.SpotPriceHistory ??
      []) {
      const nano = nanoOf(SpotPrice);
      if (nano === undefined) continue;
      const key = spotKey(InstanceType ?? '', AvailabilityZone ?? '');
      const atMs = Timestamp?.getTime() ?? 0;
      const known = latest.get(key);
      if (known === undefined || known.atMs < atMs) latest.set(key, { nano, atMs });
    }
  }
  return new Map([...latest].map(([key, { nano }]) => [key, nano]));
}

export function spotKey(instanceType: string, zone: string): string {
  return `${instanceType}/${zone}`;
}

function nanoOf(usd: string | undefined): number | undefined {
  const nano = Math.round(Number(usd ?? Number.NaN) * nanoPerUsd);
  return Number.isSafeInteger(nano) && nano > 0 ? nano : undefined;
}
