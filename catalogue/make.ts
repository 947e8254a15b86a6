/**
 * Makes `catalogue/data/REGION.json` from the merged EC2 captures (a tool, not part of the product).
 *
 * In: a folder with `ec2-catalog.REGION.json`, `ec2-spot.REGION.json`, `ec2-spot-advisor.json`
 * and `ec2-spot-az-sample.json` (first argument; default `../shared/data/ec2` beside the checkout),
 * and our own `data/bandwidth-labels.REGION.json`. Out: the file of `format.ts`. It invents nothing: a type
 * without a price keeps its facts and gets no price; a zone gets no price of its own.
 *
 * Run: `node catalogue/make.ts [FOLDER]`. The same input gives the same bytes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type AcceleratorRow,
  type CatalogueMeta,
  type CatalogueRow,
  catalogueFormat,
  type InterruptionBucket,
  type SpotSource,
} from './format.ts';

const region = 'us-east-1';

/** Architectures that Kubernetes nodes on EC2 have; Mac instances have neither and are left out. */
const architectures = new Map<string, 'amd64' | 'arm64'>([
  ['x86_64', 'amd64'],
  ['arm64', 'arm64'],
]);

/** Date of each on-demand source; the capture states them in prose only. */
const onDemandDates: Readonly<Record<string, string>> = {
  karp: '2026-07-20',
  sib: '2026-07-20',
  lam: '2025-11-03',
  shop: '2025-04-04',
};

interface CapturedType {
  readonly name: string;
  readonly vcpu: number;
  readonly memMiB: number;
  readonly memVisibleMiB?: number;
  readonly arch: readonly string[];
  readonly cpuMfr: string;
  readonly clockGhz?: number;
  readonly hypervisor: string;
  readonly encInTransit: boolean;
  readonly netMbps?: number;
  readonly ebsMbps?: number;
  readonly ebsMaxAttach?: number;
  readonly eniDefaultCard: number;
  readonly ipv4PerEni: number;
  readonly branchEni?: number;
  readonly efa: number;
  readonly localNvmeGB?: number;
  readonly gpus?: readonly CapturedAccelerator[];
  readonly neuron?: readonly CapturedAccelerator[];
  readonly zones: readonly string[];
  readonly od: number | null;
  readonly odSrc: string | null;
}

interface CapturedAccelerator {
  readonly name: string;
  readonly mfr?: string;
  readonly count: number;
  readonly memMiB: number;
  /** Of all devices together. */
  readonly cores?: number;
}

interface Capture {
  readonly meta: {
    readonly generated: string;
    readonly zones: Readonly<Record<string, readonly string[]>>;
    readonly odSources: Readonly<Record<string, string>>;
  };
  readonly types: readonly CapturedType[];
}

interface SpotCapture {
  readonly meta: {
    readonly asOf: { readonly feed: string; readonly advisor: string };
    readonly source: Readonly<Record<SpotSource, string>>;
  };
  readonly prices: Readonly<Record<string, readonly [number, SpotSource]>>;
}

interface AdvisorCapture {
  readonly meta: { readonly what: string; readonly buckets: readonly string[] };
  readonly regions: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>>;
}

interface ZoneSample {
  readonly meta: { readonly stats: { readonly maxOverMin: { readonly p50: number } } };
}

interface BandwidthLabels {
  readonly networkMbps: Readonly<Record<string, number | null>>;
  readonly noEbsBandwidth: readonly string[];
}

interface Captures {
  readonly catalog: Capture;
  readonly spot: SpotCapture;
  readonly advisor: AdvisorCapture;
  readonly zoneSample: ZoneSample;
  readonly bandwidth: BandwidthLabels;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** `{key: value}`, or nothing where the value is absent, false, zero or empty. */
function fact<K extends string, V>(key: K, value: V | undefined): { [key in K]?: NonNullable<V> } {
  const absent = value === undefined || value === null || value === false || value === 0;
  return (absent || value === '' ? {} : { [key]: value }) as { [key in K]?: NonNullable<V> };
}

function acceleratorRow(captured: CapturedAccelerator): AcceleratorRow {
  return {
    name: captured.name,
    mfr: captured.mfr ?? 'AWS',
    count: captured.count,
    memMiB: captured.memMiB,
    ...fact('cores', captured.cores === undefined ? undefined : captured.cores / captured.count),
  };
}

function row(captures: Captures, type: CapturedType, arch: 'amd64' | 'arm64'): CatalogueRow {
  const { networkMbps, noEbsBandwidth } = captures.bandwidth;
  const network = networkMbps[type.name];
  const neuron = type.neuron?.[0];
  const spot = captures.spot.prices[type.name];
  const spotSource = spot?.[1];
  const gpus = type.gpus?.map(acceleratorRow);
  return {
    name: type.name,
    arch,
    cpuMfr: type.cpuMfr,
    ...fact('mhz', Math.round((type.clockGhz ?? 0) * 1000)),
    vcpu: type.vcpu,
    memMiB: type.memMiB,
    ...fact('memVisibleMiB', type.memVisibleMiB),
    ...fact('hypervisor', type.hypervisor),
    ...(type.encInTransit ? { encInTransit: true } : {}),
    ...fact('netMbps', network === null ? undefined : (network ?? type.netMbps)),
    ...fact('ebsMbps', noEbsBandwidth.includes(type.name) ? undefined : type.ebsMbps),
    ...fact('ebsMaxAttach', type.ebsMaxAttach),
    eni: type.eniDefaultCard,
    ipv4PerEni: type.ipv4PerEni,
    ...fact('branchEni', type.branchEni),
    ...fact('efa', type.efa),
    ...fact('nvmeGB', type.localNvmeGB),
    ...(gpus === undefined ? {} : { gpus }),
    ...(neuron === undefined ? {} : { neuron: acceleratorRow(neuron) }),
    zones: [...type.zones].sort().join(''),
    ...fact('od', type.od ?? undefined),
    ...(type.odSrc === null || type.odSrc === 'karp' ? {} : { odSrc: type.odSrc }),
    ...fact('spot', spot?.[0]),
    ...(spotSource === undefined || spotSource === 'feed' ? {} : { spotSrc: spotSource }),
    ...interruption(captures, type.name),
  };
}

/** Bucket 0 is a fact too, so `fact` would lose it. */
function interruption(captures: Captures, name: string): { reclaim?: number } {
  const entry = captures.advisor.regions[region]?.[name];
  return entry === undefined ? {} : { reclaim: entry[1] };
}

/** `<5%` -> 0 to 5, `5-10%` -> 5 to 10, `>20%` -> 20 to 100. */
function bucket(label: string): InterruptionBucket {
  const [low = 0, high] = (label.match(/\d+/g) ?? []).map(Number);
  if (label.startsWith('<')) return { label, fromPercent: 0, toPercent: low };
  return { label, fromPercent: low, toPercent: high ?? 100 };
}

function notes(captures: Captures, rows: readonly CatalogueRow[]): string[] {
  const count = (test: (row: CatalogueRow) => boolean): number => rows.filter(test).length;
  const families = (test: (row: CatalogueRow) => boolean): string =>
    [...new Set(rows.filter(test).map(({ name }) => name.split('.')[0]))].join(', ');
  const unpriced = (candidate: CatalogueRow): boolean => candidate.od === undefined;
  const source = (name: SpotSource): number =>
    count((r) => r.spot !== undefined && (r.spotSrc ?? 'feed') === name);
  const { asOf } = captures.spot.meta;
  const spread = Math.round((captures.zoneSample.meta.stats.maxOverMin.p50 - 1) * 100);
  return [
    `Spot prices are region-wide, of Linux/UNIX: the feed names no zone, so a type costs the same in every zone where it is offered. In a sample of real zone prices the dearest zone was ${spread} % (median) above the cheapest.`,
    `Spot prices: ${source('feed')} types as AWS's public feed stated them on ${asOf.feed}; ${source('advisor')} derived from on-demand less the Spot Advisor saving of ${asOf.advisor}; ${source('imputed')} imputed from the family's median ratio, which is a guess.`,
    `${count(unpriced)} types have no known price and so no offering (${families(unpriced)}).`,
    `On-demand prices are Linux, shared tenancy. ${count((r) => r.odSrc === 'sib')} bare-metal types carry the price of their virtual sibling.`,
    `Interruption buckets are of ${asOf.advisor} and cover ${count((r) => r.reclaim !== undefined)} types.`,
  ];
}

function meta(captures: Captures, rows: readonly CatalogueRow[]): CatalogueMeta {
  const { catalog, spot, advisor } = captures;
  const zones = Object.entries(catalog.meta.zones).map(([zone, ids]) => [
    zone.slice(region.length),
    ids[0] ?? '',
  ]);
  const onDemandSources = Object.entries(catalog.meta.odSources).map(([name, what]) => {
    const asOf = onDemandDates[name];
    if (asOf === undefined) throw new Error(`on-demand source ${name}: no date is known`);
    return [name, { asOf, what }];
  });
  const dateOf = (source: SpotSource): string =>
    source === 'feed' ? spot.meta.asOf.feed : spot.meta.asOf.advisor;
  const spotSource = (source: SpotSource): { asOf: string; what: string } => ({
    asOf: source === 'imputed' ? catalog.meta.generated : dateOf(source),
    what: spot.meta.source[source],
  });
  return {
    format: catalogueFormat,
    region,
    generated: catalog.meta.generated,
    currency: 'USD',
    zones: Object.fromEntries(zones),
    onDemandSources: Object.fromEntries(onDemandSources),
    defaultOnDemandSource: 'karp',
    spotSources: {
      feed: spotSource('feed'),
      advisor: spotSource('advisor'),
      imputed: spotSource('imputed'),
    },
    interruption: {
      asOf: spot.meta.asOf.advisor,
      what: advisor.meta.what,
      buckets: advisor.meta.buckets.map(bucket),
    },
    notes: notes(captures, rows),
  };
}

function make(folder: string): void {
  const data = join(import.meta.dirname, 'data');
  const captures: Captures = {
    catalog: readJson(join(folder, `ec2-catalog.${region}.json`)) as Capture,
    spot: readJson(join(folder, `ec2-spot.${region}.json`)) as SpotCapture,
    advisor: readJson(join(folder, 'ec2-spot-advisor.json')) as AdvisorCapture,
    zoneSample: readJson(join(folder, 'ec2-spot-az-sample.json')) as ZoneSample,
    bandwidth: readJson(join(data, `bandwidth-labels.${region}.json`)) as BandwidthLabels,
  };
  const rows = captures.catalog.types
    .flatMap((type) => {
      const arch = type.arch.map((name) => architectures.get(name)).find(Boolean);
      return arch === undefined ? [] : [row(captures, type, arch)];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const lines = rows.map((entry) => JSON.stringify(entry)).join(',\n');
  const head = JSON.stringify(meta(captures, rows), undefined, 1);
  writeFileSync(join(data, `${region}.json`), `{"meta":${head},\n"types":[\n${lines}\n]}\n`);
}

make(resolve(process.argv[2] ?? join(import.meta.dirname, '../../shared/data/ec2')));
