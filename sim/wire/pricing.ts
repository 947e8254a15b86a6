/**
 * The Pricing API: on-demand prices.
 *
 * In: the catalogue. Out: GetProducts for EC2 instances (Linux and shared tenancy are all there is), as
 * the service tells them: products as JSON in strings, prices as decimal text.
 */
import { createHash } from 'node:crypto';
import type { InstanceTypeFacts } from '../../core/state/instance-type.ts';
import { Ec2Error } from '../ec2-types.ts';
import type { Json, JsonHandler, WireContext } from './context.ts';
import { readToken, writeToken } from './filters.ts';
import { integerField, objectsField, textField } from './json-fields.ts';

const pageMax = 100;
/** Suffixes that AWS has given every on-demand term and hourly price for years. */
const offerTerm = 'JRTCKXETXF';
const hourlyRate = '6YS6EN2CT7';

type Attributes = Readonly<Record<string, string>>;

export const getProducts: JsonHandler = (context, request) => {
  if (textField(request, 'ServiceCode') !== 'AmazonEC2') {
    throw new Ec2Error('InvalidParameterException', 'Only AmazonEC2 has prices here.');
  }
  const filters = objectsField(request, 'Filters').map((filter) => {
    const field = textField(filter, 'Field');
    const value = textField(filter, 'Value');
    return (attributes: Attributes): boolean => attributes[field] === value;
  });
  const found = context.catalogue.types
    .map((type) => ({ type, attributes: attributesOf(type, context) }))
    .filter(({ attributes }) => filters.every((matches) => matches(attributes)))
    .filter(({ type }) => onDemandPrice(type) !== undefined);
  const size = integerField(request, 'MaxResults', 1, pageMax) ?? pageMax;
  const token = request['NextToken'];
  const start = typeof token === 'string' && token !== '' ? readToken(token) : 0;
  const end = start + size;
  return {
    FormatVersion: 'aws_v1',
    PriceList: found
      .slice(start, end)
      .map(({ type, attributes }) => JSON.stringify(productOf(type, attributes))),
    ...(end < found.length ? { NextToken: writeToken(end) } : {}),
  };
};

function attributesOf(type: InstanceTypeFacts, { account }: WireContext): Attributes {
  return {
    servicecode: 'AmazonEC2',
    servicename: 'Amazon Elastic Compute Cloud',
    productFamily: type.bareMetal ? 'Compute Instance (bare metal)' : 'Compute Instance',
    regionCode: account.region,
    location: account.region,
    locationType: 'AWS Region',
    instanceType: type.name,
    vcpu: String(type.vcpuCount),
    memory: `${type.memoryMiB / 1024} GiB`,
    operatingSystem: 'Linux',
    preInstalledSw: 'NA',
    tenancy: 'Shared',
    capacitystatus: 'Used',
    marketoption: 'OnDemand',
    licenseModel: 'No License required',
    operation: 'RunInstances',
    usagetype: `BoxUsage:${type.name}`,
  };
}

function onDemandPrice({ offerings }: InstanceTypeFacts): number | undefined {
  return offerings.find(({ capacityType }) => capacityType === 'on-demand')?.priceNanoUsdPerHour;
}

function productOf(type: InstanceTypeFacts, attributes: Attributes): Json {
  const { productFamily, ...rest } = attributes;
  const sku = createHash('sha256').update(type.name).digest('hex').slice(0, 16).toUpperCase();
  const term = `${sku}.${offerTerm}`;
  const rate = `${term}.${hourlyRate}`;
  const price = ((onDemandPrice(type) ?? 0) / 1e9).toFixed(10);
  return {
    product: { sku, productFamily, attributes: rest },
    serviceCode: 'AmazonEC2',
    terms: {
      OnDemand: {
        [term]: {
          sku,
          offerTermCode: offerTerm,
          effectiveDate: '2026-11-01T00:00:00Z',
          termAttributes: {},
          priceDimensions: {
            [rate]: {
              rateCode: rate,
              unit: 'Hrs',
              beginRange: '0',
              endRange: 'Inf',
              appliesTo: [],
              description: `$${price} per On Demand Linux ${type.name} Instance Hour`,
              pricePerUnit: { USD: price },
            },
          },
        },
      },
    },
    version: '20261101000000',
    publicationDate: '2026-11-01T00:00:00Z',
  };
}
