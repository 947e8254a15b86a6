/**
 * EC2's answers about types, zones and spot prices.
 *
 * In: the catalogue. Out: DescribeAvailabilityZones, DescribeInstanceTypes,
 * DescribeInstanceTypeOfferings and DescribeSpotPriceHistory. What the API would say of a type and the
 * catalogue does not know is left out.
 */
import type { Accelerator, InstanceTypeFacts } from '../../core/state/instance-type.ts';
import { Ec2Error } from '../ec2-types.ts';
import { isoTime, type QueryHandler, type WireContext } from './context.ts';
import { type FilterFields, filterOf, pageOf, readToken, writeToken } from './filters.ts';
import type { Form } from './form.ts';
import type { XmlValue } from './xml.ts';

const namesMax = 100;
const typePages = { min: 5, max: 100, otherwise: 100 };
const offeringPages = { min: 5, max: 1000, otherwise: 1000 };
const pricesPerPage = 1000;
const product = 'Linux/UNIX';
const dayMs = 86_400_000;
const historyMaxMs = 90 * dayMs;
/** A zone's price changes at most this often in an answer. */
const historyStepMs = 6 * 3_600_000;

const zoneFields: FilterFields<{ readonly name: string; readonly id: string }> = {
  'zone-name': ({ name }) => name,
  'zone-id': ({ id }) => id,
  'zone-type': () => 'availability-zone',
  'region-name': ({ name }) => name.slice(0, -1),
  state: () => 'available',
  'opt-in-status': () => 'opt-in-not-required',
};

export const describeAvailabilityZones: QueryHandler = ({ catalogue, account }, request) => {
  const names = request.texts('ZoneName');
  const ids = request.texts('ZoneId');
  const matches = filterOf(request, zoneFields);
  const known = catalogue.zones;
  const wrong = names.find((name) => !known.some((zone) => zone.name === name));
  if (wrong !== undefined) {
    throw new Ec2Error('InvalidParameterValue', `Invalid availability zone: [${wrong}]`);
  }
  return {
    availabilityZoneInfo: known
      .filter(({ name }) => names.length === 0 || names.includes(name))
      .filter(({ id }) => ids.length === 0 || ids.includes(id))
      .filter(matches)
      .map(({ name, id }) => ({
        zoneName: name,
        zoneId: id,
        zoneState: 'available',
        zoneType: 'availability-zone',
        regionName: account.region,
        groupName: `${account.region}-zg-1`,
        networkBorderGroup: account.region,
        optInStatus: 'opt-in-not-required',
      })),
  };
};

const typeFields: FilterFields<InstanceTypeFacts> = {
  'instance-type': ({ name }) => name,
  'bare-metal': ({ bareMetal }) => String(bareMetal),
  'current-generation': () => 'true',
  hypervisor: ({ hypervisor }) => hypervisor,
  'processor-info.supported-architecture': architectureOf,
  'supported-usage-class': usageClasses,
  'supported-virtualization-type': () => 'hvm',
  'supported-root-device-type': () => 'ebs',
  'vcpu-info.default-vcpus': ({ vcpuCount }) => String(vcpuCount),
  'memory-info.size-in-mib': ({ memoryMiB }) => String(memoryMiB),
  'network-info.efa-supported': ({ efaCount }) => String(efaCount > 0),
};

export const describeInstanceTypes: QueryHandler = ({ catalogue }, request) => {
  const names = new Set(request.texts('InstanceType'));
  if (names.size > namesMax) {
    throw new Ec2Error('InvalidParameterValue', `No more than ${namesMax} types can be named.`);
  }
  const matches = filterOf(request, typeFields);
  const found = catalogue.types.filter((type) => names.size === 0 || names.has(type.name));
  if (found.length < names.size) {
    const wrong = [...names].filter((name) => !found.some((type) => type.name === name));
    throw new Ec2Error(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${wrong.join(', ')}]`,
    );
  }
  const { items, nextToken } = pageOf(request, found.filter(matches), typePages);
  return { instanceTypeSet: items.map(typeInfo), nextToken };
};

function architectureOf({ architecture }: InstanceTypeFacts): string {
  return architecture === 'amd64' ? 'x86_64' : 'arm64';
}

function usageClasses(type: InstanceTypeFacts): readonly string[] {
  return type.offerings.some(({ capacityType }) => capacityType === 'spot')
    ? ['on-demand', 'spot']
    : ['on-demand'];
}

function typeInfo(type: InstanceTypeFacts): XmlValue {
  const { vcpuCount, memoryMiB, gpus, neuron, localNvmeGB, hypervisor } = type;
  return {
    instanceType: type.name,
    currentGeneration: true,
    freeTierEligible: false,
    supportedUsageClasses: usageClasses(type),
    supportedRootDeviceTypes: ['ebs'],
    supportedVirtualizationTypes: ['hvm'],
    bareMetal: type.bareMetal,
    hypervisor: hypervisor === '' ? undefined : hypervisor,
    processorInfo: {
      supportedArchitectures: [architectureOf(type)],
      sustainedClockSpeedInGhz: type.clockMhz === undefined ? undefined : type.clockMhz / 1000,
      manufacturer: manufacturerOf(type),
    },
    vCpuInfo: { defaultVCpus: vcpuCount },
    memoryInfo: { sizeInMiB: memoryMiB },
    instanceStorageSupported: localNvmeGB > 0,
    instanceStorageInfo:
      localNvmeGB > 0
        ? {
            totalSizeInGB: localNvmeGB,
            disks: [{ sizeInGB: localNvmeGB, count: 1, type: 'ssd' }],
            nvmeSupport: 'required',
            encryptionSupport: 'required',
          }
        : undefined,
    ebsInfo: ebsInfo(type),
    networkInfo: networkInfo(type),
    gpuInfo:
      gpus.length > 0
        ? { gpus: gpus.map(acceleratorInfo), totalGpuMemoryInMiB: memoryOf(gpus) }
        : undefined,
    placementGroupInfo: { supportedStrategies: ['cluster', 'partition', 'spread'] },
    hibernationSupported: false,
    burstablePerformanceSupported: type.category === 't',
    dedicatedHostsSupported: true,
    autoRecoverySupported: !type.bareMetal,
    supportedBootModes: type.architecture === 'arm64' ? ['uefi'] : ['legacy-bios', 'uefi'],
    ...neuronInfo(neuron),
  };
}

const manufacturerNames: Readonly<Record<string, string>> = {
  intel: 'Intel',
  amd: 'AMD',
  aws: 'AWS',
  apple: 'Apple',
};

function manufacturerOf({ cpuManufacturer }: InstanceTypeFacts): string {
  return manufacturerNames[cpuManufacturer] ?? cpuManufacturer;
}

function ebsInfo({ ebsMbps, ebsMaxAttachments }: InstanceTypeFacts): XmlValue {
  return {
    ebsOptimizedSupport: ebsMbps === undefined ? 'unsupported' : 'default',
    encryptionSupport: 'supported',
    ebsOptimizedInfo:
      ebsMbps === undefined
        ? undefined
        : { baselineBandwidthInMbps: ebsMbps, maximumBandwidthInMbps: ebsMbps },
    nvmeSupport: 'required',
    maximumEbsAttachments: ebsMaxAttachments,
  };
}

function networkInfo(type: InstanceTypeFacts): XmlValue {
  const { networkMbps, eniCountDefaultCard, efaCount } = type;
  const gbps = networkMbps === undefined ? undefined : networkMbps / 1000;
  const networkPerformance = gbps === undefined ? 'Low' : `${gbps} Gigabit`;
  return {
    networkPerformance,
    maximumNetworkInterfaces: eniCountDefaultCard,
    maximumNetworkCards: 1,
    defaultNetworkCardIndex: 0,
    networkCards: [
      {
        networkCardIndex: 0,
        networkPerformance,
        maximumNetworkInterfaces: eniCountDefaultCard,
        baselineBandwidthInGbps: gbps,
        peakBandwidthInGbps: gbps,
      },
    ],
    ipv4AddressesPerInterface: type.ipv4PerEni,
    ipv6AddressesPerInterface: type.ipv4PerEni,
    ipv6Supported: true,
    enaSupport: 'required',
    efaSupported: efaCount > 0,
    efaInfo: efaCount > 0 ? { maximumEfaInterfaces: efaCount } : undefined,
    encryptionInTransitSupported: type.encryptionInTransit,
  };
}

function acceleratorInfo({ name, manufacturer, count, memoryMiB }: Accelerator): XmlValue {
  return { name, manufacturer, count, memoryInfo: { sizeInMiB: memoryMiB } };
}

function neuronInfo(neuron: Accelerator | undefined): { readonly [name: string]: XmlValue } {
  if (neuron === undefined) return {};
  const { name, count, memoryMiB, coresPerDevice } = neuron;
  const coreInfo = { count: coresPerDevice, version: 2 };
  return {
    neuronInfo: {
      neuronDevices: [{ name, count, coreInfo, memoryInfo: { sizeInMiB: memoryMiB } }],
      totalNeuronDeviceMemoryInMiB: memoryMiB * count,
    },
  };
}

function memoryOf(accelerators: readonly Accelerator[]): number {
  return accelerators.reduce((sum, { count, memoryMiB }) => sum + count * memoryMiB, 0);
}

interface TypeOffering {
  readonly instanceType: string;
  readonly location: string;
}

const offeringFields: FilterFields<TypeOffering> = {
  'instance-type': ({ instanceType }) => instanceType,
  location: ({ location }) => location,
};

export const describeInstanceTypeOfferings: QueryHandler = (context, request) => {
  const locationType = request.choice(
    'LocationType',
    ['region', 'availability-zone', 'availability-zone-id'],
    'region',
  );
  const all = context.catalogue.types.flatMap((type) => offeringsOf(type, locationType, context));
  const matches = filterOf(request, offeringFields);
  const { items, nextToken } = pageOf(request, all.filter(matches), offeringPages);
  return {
    instanceTypeOfferingSet: items.map((offering) => ({ ...offering, locationType })),
    nextToken,
  };
};

function offeringsOf(
  { name, offerings }: InstanceTypeFacts,
  locationType: string,
  { catalogue, account }: WireContext,
): TypeOffering[] {
  const zones = catalogue.zones.filter((zone) => offerings.some((one) => one.zone === zone.name));
  if (locationType === 'region') {
    return zones.length === 0 ? [] : [{ instanceType: name, location: account.region }];
  }
  return zones.map((zone) => ({
    instanceType: name,
    location: locationType === 'availability-zone' ? zone.name : zone.id,
  }));
}

interface SpotPoint {
  readonly instanceType: string;
  readonly availabilityZone: string;
  readonly availabilityZoneId: string;
  readonly spotPrice: string;
  readonly timestamp: string;
  readonly productDescription: string;
}

const priceFields: FilterFields<{ readonly type: InstanceTypeFacts; readonly zone: string }> = {
  'availability-zone': ({ zone }) => zone,
  'instance-type': ({ type }) => type.name,
  'product-description': () => product,
};

/** For each pool the price at the start and every change until the end; the newest first. */
export const describeSpotPriceHistory: QueryHandler = (context, request) => {
  const { catalogue, clock } = context;
  const names = new Set(request.texts('InstanceType'));
  const products = request.texts('ProductDescription');
  const zone = request.optional('AvailabilityZone');
  const zoneId = request.optional('AvailabilityZoneId');
  const nowMs = clock.nowMs();
  const endMs = Math.min(nowMs, request.time('EndTime') ?? nowMs);
  const startMs = Math.max(nowMs - historyMaxMs, request.time('StartTime') ?? nowMs - dayMs);
  const matches = filterOf(request, priceFields);
  const isLinux = products.length === 0 || products.some((one) => one.startsWith(product));
  const pools = catalogue.types
    .filter((type) => isLinux && (names.size === 0 || names.has(type.name)))
    .flatMap((type) =>
      catalogue.zones
        .filter(({ name, id }) => name === (zone ?? name) && id === (zoneId ?? id))
        .filter(({ name }) => matches({ type, zone: name }))
        .map((place) => ({ type, place })),
    );
  return pricePage(request, pools, ({ type, place }) => {
    const points: SpotPoint[] = [];
    // What holds at the start began before it, and is told, too.
    for (let timeMs = endMs; ; timeMs -= historyStepMs) {
      const point = context.engine.spotPriceAt(type, place.name, Math.max(timeMs, startMs));
      if (point === undefined) break;
      const timestamp = isoTime(point.sinceMs);
      if (points.at(-1)?.timestamp !== timestamp) {
        points.push({
          instanceType: type.name,
          availabilityZone: place.name,
          availabilityZoneId: place.id,
          spotPrice: (point.priceNanoUsdPerHour / 1e9).toFixed(6),
          timestamp,
          productDescription: product,
        });
      }
      if (timeMs <= startMs) break;
    }
    return points;
  });
};

/** Pages by pool, so that a page costs what is on it: a pool's points stay together. */
function pricePage<T>(request: Form, pools: readonly T[], pointsOf: (pool: T) => SpotPoint[]) {
  const size = request.integer('MaxResults', 1, pricesPerPage) ?? pricesPerPage;
  const token = request.optional('NextToken');
  let position = token === undefined || token === '' ? 0 : readToken(token);
  const found: SpotPoint[] = [];
  while (position < pools.length && found.length < size) {
    const pool = pools[position];
    if (pool !== undefined) found.push(...pointsOf(pool));
    position += 1;
  }
  return {
    spotPriceHistorySet: found.map((point) => ({ ...point })),
    nextToken: position < pools.length ? writeToken(position) : undefined,
  };
}
