/**
 * One row of the catalogue file into `InstanceTypeFacts`.
 *
 * In: a row's reader and the file's zones. Out: the facts with their offerings in integers, or an
 * `InputError` that names type and field. Strings and empty lists that repeat are shared, to keep
 * 1,400 types small. It derives what the name says (family, size, category, generation) and knows
 * nothing of node classes or labels.
 */
import type { Accelerator, InstanceTypeFacts, Offering } from '../core/state/instance-type.ts';
import type { FieldReader } from './fields.ts';
import type { SpotSource } from './format.ts';

/** What is known of the figures of one type. */
export interface TypeProvenance {
  /** Name of the on-demand source; undefined if the type has no on-demand price. */
  readonly onDemandSource: string | undefined;
  readonly spotSource: SpotSource | undefined;
  /** Index into the catalogue's interruption buckets. */
  readonly interruptionBucket: number | undefined;
}

/** What a row is read against. */
export interface RowContext {
  /** Zone letter -> zone name. */
  readonly zoneNames: ReadonlyMap<string, string>;
  readonly onDemandSources: readonly string[];
  readonly defaultOnDemandSource: string;
  readonly bucketCount: number;
}

const noAccelerators: readonly Accelerator[] = [];
const noOfferings: readonly Offering[] = [];
const spotSources: readonly SpotSource[] = ['feed', 'advisor', 'imputed'];

/** Category letters, optional terabytes, generation: `c5.large`, `u-3tb1.56xlarge`, `u7i-8tb...`. */
const typeName = /^([a-z]+)(?:-[0-9]+tb)?([0-9]+)[^.]*\.[^.]+$/;

/**
 * Facts of one type.
 * @throws InputError that names the field
 */
export function instanceTypeFacts(row: FieldReader, context: RowContext): InstanceTypeFacts {
  const name = row.text('name');
  const parts = typeName.exec(name);
  if (parts === null) throw row.error('name', 'an instance type as in m5.large');
  const [family = '', size = ''] = name.split('.');
  const hypervisor = row.has('hypervisor') ? row.text('hypervisor') : '';
  return {
    name,
    category: parts[1] ?? '',
    family,
    generation: Number(parts[2]),
    size,
    flex: family.includes('-flex'),
    architecture: row.oneOf('arch', ['amd64', 'arm64']),
    cpuManufacturer: row.text('cpuMfr'),
    clockMhz: row.optionalInteger('mhz', 1),
    vcpuCount: row.integer('vcpu', 1),
    memoryMiB: row.integer('memMiB', 1),
    memoryVisibleMiB: memoryVisible(row),
    hypervisor,
    bareMetal: hypervisor === '',
    encryptionInTransit: row.has('encInTransit'),
    networkMbps: row.optionalInteger('netMbps', 1),
    ebsMbps: row.optionalInteger('ebsMbps', 1),
    ebsMaxAttachments: row.optionalInteger('ebsMaxAttach', 1),
    eniCountDefaultCard: row.integer('eni', 1),
    ipv4PerEni: row.integer('ipv4PerEni', 1),
    branchEniCount: row.optionalInteger('branchEni', 1) ?? 0,
    efaCount: row.optionalInteger('efa', 1) ?? 0,
    localNvmeGB: row.optionalInteger('nvmeGB', 1) ?? 0,
    gpus: row.has('gpus') ? row.objects('gpus').map(accelerator) : noAccelerators,
    neuron: row.has('neuron') ? accelerator(row.object('neuron')) : undefined,
    offerings: offerings(row, context),
  };
}

/** How real the figures of the row are. */
export function typeProvenance(row: FieldReader, context: RowContext): TypeProvenance {
  const onDemandSource = row.has('odSrc')
    ? row.oneOf('odSrc', context.onDemandSources)
    : context.defaultOnDemandSource;
  const spotSource = row.has('spotSrc') ? row.oneOf('spotSrc', spotSources) : 'feed';
  const interruptionBucket = row.optionalInteger('reclaim', 0);
  if (interruptionBucket !== undefined && interruptionBucket >= context.bucketCount) {
    throw row.error('reclaim', `a bucket below ${context.bucketCount}`);
  }
  return {
    onDemandSource: row.has('od') ? onDemandSource : undefined,
    spotSource: row.has('spot') ? spotSource : undefined,
    interruptionBucket,
  };
}

/** Measured memory can never be more than what the hypervisor gives. */
function memoryVisible(row: FieldReader): number | undefined {
  const visible = row.optionalInteger('memVisibleMiB', 1);
  if (visible !== undefined && visible > row.integer('memMiB', 1)) {
    throw row.error('memVisibleMiB', 'no more than memMiB');
  }
  return visible;
}

function accelerator(row: FieldReader): Accelerator {
  return {
    name: row.text('name'),
    manufacturer: row.text('mfr'),
    count: row.integer('count', 0),
    memoryMiB: row.integer('memMiB', 1),
    coresPerDevice: row.optionalInteger('cores', 1) ?? 0,
  };
}

/** One offering per zone and priced capacity type; a type without a price has none. */
function offerings(row: FieldReader, context: RowContext): readonly Offering[] {
  const letters = row.text('zones');
  const prices = [
    ['on-demand', row.optionalPriceNano('od')],
    ['spot', row.optionalPriceNano('spot')],
  ] as const;
  const found = letters.split('').flatMap((letter) => {
    const zone = context.zoneNames.get(letter);
    if (zone === undefined) {
      throw row.error('zones', `letters out of ${[...context.zoneNames.keys()].join('')}`);
    }
    return prices.flatMap(([capacityType, priceNanoUsdPerHour]) =>
      priceNanoUsdPerHour === undefined
        ? []
        : [{ zone, capacityType, priceNanoUsdPerHour, available: true }],
    );
  });
  return found.length === 0 ? noOfferings : found;
}
