/**
 * The embedded catalogue of EC2 instance types and prices.
 *
 * In: `catalogue/data/REGION.json` (format.ts). Out: validated facts, offerings and what is known of
 * their dates and sources. A broken file is an `InputError` with type and field. It knows nothing of
 * node classes: `core/scheduling/allocatable.ts` turns facts into what pods may use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError, InvariantError } from '../core/errors.ts';
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { FieldReader } from './fields.ts';
import { catalogueFormat, type FigureSource, type InterruptionBucket } from './format.ts';
import { instanceTypeFacts, type RowContext, type TypeProvenance, typeProvenance } from './row.ts';

export interface CatalogueZone {
  /** As in `us-east-1a`. */
  readonly name: string;
  /** As in `use1-az2`, in the account of the capture; another account may map names otherwise. */
  readonly id: string;
}

/** Facts and prices of one region. Immutable and shared. */
export interface Catalogue {
  readonly region: string;
  /** ISO date on which the facts were merged. */
  readonly generated: string;
  readonly zones: readonly CatalogueZone[];
  /** Sorted by name; a type whose price is unknown has no offerings. */
  readonly types: readonly InstanceTypeFacts[];
  /** Type name -> how real its figures are and its interruption bucket. */
  readonly provenance: ReadonlyMap<string, TypeProvenance>;
  readonly interruptionBuckets: readonly InterruptionBucket[];
  /** Source name (`karp`, `feed`, `interruption`, ...) -> date and description. */
  readonly sources: ReadonlyMap<string, FigureSource>;
  /** What a reader of prices must know, in sentences. */
  readonly notes: readonly string[];
}

const embeddedPath = 'catalogue/data/us-east-1.json';

/** The embedded catalogue once it is read: one entry, for the life of the process. */
let embedded: Catalogue | undefined;

/**
 * The embedded catalogue; read and validated on the first call (about 30 ms), then the same object.
 * @throws InputError if the file is broken, InvariantError if it is not where the package keeps it
 */
export function loadCatalogue(): Catalogue {
  embedded ??= readCatalogue(join(packageRoot(), embeddedPath));
  return embedded;
}

/**
 * A catalogue from a file of the same format.
 * @throws InputError if it cannot be read or is not valid
 */
export function readCatalogue(path: string): Catalogue {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new InputError({ file: path }, `cannot be read: ${(error as Error).message}`);
  }
  return parseCatalogue(text, path);
}

/**
 * A catalogue from text; `file` is named in errors.
 * @throws InputError that names type and field
 */
export function parseCatalogue(text: string, file: string): Catalogue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError({ file }, `expected JSON: ${(error as Error).message}`);
  }
  const root = new FieldReader(file, 'catalogue', value);
  const meta = root.object('meta');
  if (meta.integer('format', 1) !== catalogueFormat) {
    throw meta.error('format', `format ${catalogueFormat}`);
  }
  const region = meta.text('region');
  meta.oneOf('currency', ['USD']);
  const zones = readZones(meta.object('zones'), region);
  const sources = readSources(meta);
  const interruptionBuckets = readBuckets(meta.object('interruption'));
  const onDemandSources = meta.object('onDemandSources').names();
  const context: RowContext = {
    zoneNames: new Map(zones.map(({ name }) => [name.slice(region.length), name])),
    onDemandSources,
    defaultOnDemandSource: meta.oneOf('defaultOnDemandSource', onDemandSources),
    bucketCount: interruptionBuckets.length,
  };
  return {
    region,
    generated: meta.date('generated'),
    zones,
    ...readTypes(file, root.list('types'), context),
    interruptionBuckets,
    sources,
    notes: meta.texts('notes'),
  };
}

function readTypes(
  file: string,
  rows: readonly unknown[],
  context: RowContext,
): Pick<Catalogue, 'types' | 'provenance'> {
  const types: InstanceTypeFacts[] = [];
  const provenance = new Map<string, TypeProvenance>();
  let previous = '';
  for (const [index, value] of rows.entries()) {
    const name = (value as { readonly name?: unknown } | null)?.name;
    const label = typeof name === 'string' ? name : `number ${index + 1}`;
    const row = new FieldReader(file, `type ${label}`, value);
    const facts = instanceTypeFacts(row, context);
    if (facts.name <= previous) throw row.error('name', `a name that sorts after ${previous}`);
    previous = facts.name;
    types.push(facts);
    provenance.set(facts.name, typeProvenance(row, context));
  }
  return { types, provenance };
}

function readZones(zones: FieldReader, region: string): CatalogueZone[] {
  return zones.names().map((letter) => ({ name: region + letter, id: zones.text(letter) }));
}

function readSources(meta: FieldReader): ReadonlyMap<string, FigureSource> {
  const groups = [meta.object('onDemandSources'), meta.object('spotSources')];
  const sources = groups.flatMap((group) =>
    group.names().map((name): [string, FigureSource] => [name, readSource(group.object(name))]),
  );
  return new Map([...sources, ['interruption', readSource(meta.object('interruption'))]]);
}

function readSource(source: FieldReader): FigureSource {
  return { asOf: source.date('asOf'), what: source.text('what') };
}

function readBuckets(interruption: FieldReader): InterruptionBucket[] {
  return interruption.objects('buckets').map((bucket) => ({
    label: bucket.text('label'),
    fromPercent: bucket.integer('fromPercent', 0),
    toPercent: bucket.integer('toPercent', 1),
  }));
}

/**
 * The folder of our package.json: the sources run from the checkout, the compiled files from
 * `build/` inside it, so the data is found by walking up instead of by a fixed distance.
 */
function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new InvariantError(`no package.json above ${import.meta.dirname}`);
    }
    folder = parent;
  }
  return folder;
}
