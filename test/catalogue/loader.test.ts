/** The embedded catalogue against what AWS publishes, and its loader against damaged files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadCatalogue, parseCatalogue, readCatalogue } from '../../catalogue/loader.ts';
import { InputError } from '../../core/errors.ts';

const catalogue = loadCatalogue();
const typesByName = new Map(catalogue.types.map((type) => [type.name, type]));

function facts(name: string) {
  const found = typesByName.get(name);
  if (found === undefined) throw new Error(`${name} is not in the catalogue`);
  return found;
}

t.test('the embedded catalogue holds us-east-1 with its six zones and their ids', async (t) => {
  t.equal(catalogue.region, 'us-east-1');
  t.strictSame(
    catalogue.zones.map(({ name }) => name),
    ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `us-east-1${letter}`),
  );
  t.equal(catalogue.zones.find(({ name }) => name === 'us-east-1a')?.id, 'use1-az2');
  t.equal(catalogue.types.length, 1366);
});

t.test('the same object is handed out at every call', async (t) => {
  t.equal(loadCatalogue(), catalogue);
});

t.test('types are sorted by name and names are unique', async (t) => {
  const names = catalogue.types.map(({ name }) => name);
  t.strictSame(names, [...new Set(names)].sort());
});

t.test('facts of a well known type are those that AWS publishes', async (t) => {
  const { offerings, ...rest } = facts('m5.large');
  t.strictSame(rest, {
    name: 'm5.large',
    category: 'm',
    family: 'm5',
    generation: 5,
    size: 'large',
    flex: false,
    architecture: 'amd64',
    cpuManufacturer: 'Intel',
    clockMhz: 3100,
    vcpuCount: 2,
    memoryMiB: 8192,
    memoryVisibleMiB: 7811,
    hypervisor: 'nitro',
    bareMetal: false,
    encryptionInTransit: false,
    networkMbps: 750,
    ebsMbps: 4750,
    ebsMaxAttachments: 27,
    eniCountDefaultCard: 3,
    ipv4PerEni: 10,
    branchEniCount: 9,
    efaCount: 0,
    localNvmeGB: 0,
    gpus: [],
    neuron: undefined,
  });
  t.equal(offerings.length, 10);
});

t.test('names with dashes and terabytes are taken apart as Karpenter does', async (t) => {
  const parts = (name: string) => {
    const { category, family, generation, size, flex } = facts(name);
    return { category, family, generation, size, flex };
  };
  t.strictSame(parts('u-3tb1.56xlarge'), {
    category: 'u',
    family: 'u-3tb1',
    generation: 1,
    size: '56xlarge',
    flex: false,
  });
  t.strictSame(parts('c7i-flex.large'), {
    category: 'c',
    family: 'c7i-flex',
    generation: 7,
    size: 'large',
    flex: true,
  });
  t.strictSame(parts('u7in-16tb.224xlarge').generation, 7);
});

t.test('accelerators carry their count, memory and cores per device', async (t) => {
  t.strictSame(facts('g4dn.12xlarge').gpus, [
    { name: 'T4', manufacturer: 'NVIDIA', count: 4, memoryMiB: 16384, coresPerDevice: 0 },
  ]);
  t.strictSame(facts('inf1.6xlarge').neuron, {
    name: 'Inferentia',
    manufacturer: 'AWS',
    count: 4,
    memoryMiB: 8192,
    coresPerDevice: 4,
  });
});

t.test('bare metal is what has no hypervisor', async (t) => {
  t.equal(facts('m5.metal').bareMetal, true);
  t.equal(facts('m5.metal').hypervisor, '');
  t.equal(facts('m4.large').hypervisor, 'xen');
});

t.test('prices are integers of nano-USD, the same in every zone of a type', async (t) => {
  const { offerings } = facts('m5.large');
  t.strictSame(
    [...new Set(offerings.map((o) => `${o.capacityType} ${o.priceNanoUsdPerHour}`))].sort(),
    ['on-demand 96000000', `spot ${spotNano('m5.large')}`],
  );
  t.strictSame(
    offerings.filter((o) => o.capacityType === 'spot').map((o) => o.zone),
    ['a', 'b', 'c', 'd', 'f'].map((letter) => `us-east-1${letter}`),
  );
  for (const { offerings: all } of catalogue.types) {
    for (const { priceNanoUsdPerHour } of all) {
      if (!Number.isSafeInteger(priceNanoUsdPerHour) || priceNanoUsdPerHour <= 0) {
        t.fail(`price ${priceNanoUsdPerHour}`);
      }
    }
  }
});

/** The spot price as the file states it, found without the loader. */
function spotNano(name: string): number {
  const path = join(import.meta.dirname, '../../catalogue/data/us-east-1.json');
  const line = readFileSync(path, 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`{"name":"${name}",`));
  const price = /"spot":([0-9.]+)/.exec(line ?? '')?.[1] ?? '';
  const [whole = '', decimals = ''] = price.split('.');
  return Number(whole + decimals.padEnd(9, '0'));
}

t.test('a type whose price nobody knows keeps its facts and has no offering', async (t) => {
  const unpriced = catalogue.types.filter(({ offerings }) => offerings.length === 0);
  t.equal(unpriced.length, 26);
  t.ok(catalogue.notes.some((note) => note.startsWith('26 types have no known price')));
  t.equal(facts('r9g.large').vcpuCount, 2);
});

t.test('provenance says how real each price is', async (t) => {
  const count = (source: string) =>
    [...catalogue.provenance.values()].filter(({ spotSource }) => spotSource === source).length;
  t.strictSame([count('feed'), count('advisor'), count('imputed')], [1089, 161, 77]);
  t.strictSame(catalogue.provenance.get('m5.large')?.onDemandSource, 'karp');
  t.strictSame(catalogue.provenance.get('r9g.large'), {
    onDemandSource: undefined,
    spotSource: undefined,
    interruptionBucket: undefined,
  });
  t.equal(catalogue.sources.get('feed')?.asOf, '2026-08-10');
  t.equal(catalogue.sources.get('interruption')?.asOf, '2025-06-28');
  const bucket = catalogue.provenance.get('a1.metal')?.interruptionBucket ?? -1;
  t.strictSame(catalogue.interruptionBuckets[bucket], {
    label: '<5%',
    fromPercent: 0,
    toPercent: 5,
  });
  t.equal(catalogue.interruptionBuckets.at(-1)?.toPercent, 100);
});

t.test('the notes say that spot prices are of the region', async (t) => {
  t.ok(catalogue.notes.some((note) => note.includes('region-wide')));
});

const meta = {
  format: 1,
  region: 'mars-1',
  generated: '2026-01-01',
  currency: 'USD',
  zones: { a: 'm1-az1' },
  onDemandSources: { karp: { asOf: '2026-01-01', what: 'test' } },
  defaultOnDemandSource: 'karp',
  spotSources: { feed: { asOf: '2026-01-01', what: 'test' } },
  interruption: {
    asOf: '2026-01-01',
    what: 'test',
    buckets: [{ label: '<5%', fromPercent: 0, toPercent: 5 }],
  },
  notes: ['a note'],
};
const row = {
  name: 'm5.large',
  arch: 'amd64',
  cpuMfr: 'Intel',
  vcpu: 2,
  memMiB: 8192,
  eni: 3,
  ipv4PerEni: 10,
  zones: 'a',
  od: 0.096,
};

function parse(changes: object, metaChanges: object = {}) {
  const types = [{ ...row, ...changes }];
  return parseCatalogue(JSON.stringify({ meta: { ...meta, ...metaChanges }, types }), 'test.json');
}

t.test('a row of the least facts is read', async (t) => {
  const { types, notes } = parse({});
  t.strictSame(types[0]?.offerings, [
    {
      zone: 'mars-1a',
      capacityType: 'on-demand',
      priceNanoUsdPerHour: 96_000_000,
      available: true,
    },
  ]);
  t.strictSame(notes, ['a note']);
});

t.test('a broken file is refused with type, field and what was expected', async (t) => {
  const cases: readonly (readonly [object, string])[] = [
    [
      { vcpu: 'two' },
      'test.json: type m5.large: vcpu: expected an integer of at least 1, found "two"',
    ],
    [{ memMiB: 0 }, 'test.json: type m5.large: memMiB: expected an integer of at least 1, found 0'],
    [
      { eni: undefined },
      'test.json: type m5.large: eni: expected an integer of at least 1, found nothing',
    ],
    [
      { memVisibleMiB: 8193 },
      'test.json: type m5.large: memVisibleMiB: expected no more than memMiB, found 8193',
    ],
    [
      { arch: 'mips' },
      'test.json: type m5.large: arch: expected one of amd64, arm64, found "mips"',
    ],
    [{ zones: 'ab' }, 'test.json: type m5.large: zones: expected letters out of a, found "ab"'],
    [
      { od: -1 },
      'test.json: type m5.large: od: expected a price in USD above 0 with at most six decimals, found -1',
    ],
    [
      { od: 0.0000001 },
      'test.json: type m5.large: od: expected a price in USD above 0 with at most six decimals, found 1e-7',
    ],
    [
      { odSrc: 'hearsay' },
      'test.json: type m5.large: odSrc: expected one of karp, found "hearsay"',
    ],
    [
      { spot: 0.01, spotSrc: 'x' },
      'test.json: type m5.large: spotSrc: expected one of feed, advisor, imputed, found "x"',
    ],
    [{ reclaim: 1 }, 'test.json: type m5.large: reclaim: expected a bucket below 1, found 1'],
    [
      { gpus: [{ name: 'T4', mfr: 'NVIDIA', count: 1 }] },
      'test.json: type m5.large: gpus[0].memMiB: expected an integer of at least 1, found nothing',
    ],
    [{ gpus: 4 }, 'test.json: type m5.large: gpus: expected a list, found 4'],
    [
      { name: 'large' },
      'test.json: type large: name: expected an instance type as in m5.large, found "large"',
    ],
  ];
  for (const [changes, message] of cases)
    t.throws(() => parse(changes), new InputError({}, message));
});

t.test('a file that is not a catalogue is refused', async (t) => {
  t.throws(() => parse({}, { format: 2 }), /meta\.format: expected format 1, found 2/);
  t.throws(() => parse({}, { generated: 'May' }), /meta\.generated: expected a date/);
  t.throws(() => parseCatalogue('{', 'test.json'), /test\.json: expected JSON/);
  t.throws(() => parseCatalogue('[]', 'test.json'), /catalogue: expected an object/);
  t.throws(() => readCatalogue('/no/such/file.json'), /no\/such\/file\.json: cannot be read/);
});

t.test('types out of order or twice are refused', async (t) => {
  const twice = JSON.stringify({ meta, types: [row, row] });
  t.throws(
    () => parseCatalogue(twice, 'test.json'),
    /name: expected a name that sorts after m5\.large/,
  );
});
