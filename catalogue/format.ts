/**
 * The catalogue's file format, version 1: what `make.ts` writes and `loader.ts` reads.
 *
 * One JSON object `{meta, types}` with one type per line, sorted by name, so that a new capture
 * shows as a readable diff. A fact that is absent, false or zero is left out of its row. Money is
 * USD per hour as a decimal with at most six places. It knows nothing of where facts come from.
 */

/** Version that `meta.format` must carry. */
export const catalogueFormat = 1;

/** One source of figures: when they were true and where they are from. */
export interface FigureSource {
  /** ISO date. */
  readonly asOf: string;
  readonly what: string;
}

/** How real a spot price is: seen in AWS's feed, on-demand less an advised saving, or a guess. */
export type SpotSource = 'feed' | 'advisor' | 'imputed';

/** One step of AWS's Spot Advisor: share of running spot instances reclaimed in a month. */
export interface InterruptionBucket {
  readonly label: string;
  readonly fromPercent: number;
  /** 100 for the open last step. */
  readonly toPercent: number;
}

export interface CatalogueMeta {
  readonly format: typeof catalogueFormat;
  readonly region: string;
  /** ISO date on which the facts were merged. */
  readonly generated: string;
  readonly currency: 'USD';
  /** Zone letter -> zone id in the capture's account; the zone is the region plus the letter. */
  readonly zones: Readonly<Record<string, string>>;
  /** `row.odSrc` -> source; a row without `odSrc` has `defaultOnDemandSource`. */
  readonly onDemandSources: Readonly<Record<string, FigureSource>>;
  readonly defaultOnDemandSource: string;
  /** `row.spotSrc` -> source; a row without `spotSrc` has `feed`. */
  readonly spotSources: Readonly<Record<SpotSource, FigureSource>>;
  readonly interruption: FigureSource & { readonly buckets: readonly InterruptionBucket[] };
  /** What a reader of prices must know, in sentences. */
  readonly notes: readonly string[];
}

/** An accelerator as a row states it. */
export interface AcceleratorRow {
  readonly name: string;
  readonly mfr: string;
  readonly count: number;
  readonly memMiB: number;
  /** Cores of one device (Neuron). */
  readonly cores?: number;
}

/** One type. Units are in the names; `InstanceTypeFacts` in core says what each fact means. */
export interface CatalogueRow {
  readonly name: string;
  readonly arch: 'amd64' | 'arm64';
  readonly cpuMfr: string;
  readonly mhz?: number;
  readonly vcpu: number;
  readonly memMiB: number;
  readonly memVisibleMiB?: number;
  /** Absent on bare metal. */
  readonly hypervisor?: string;
  readonly encInTransit?: true;
  readonly netMbps?: number;
  readonly ebsMbps?: number;
  readonly ebsMaxAttach?: number;
  readonly eni: number;
  readonly ipv4PerEni: number;
  readonly branchEni?: number;
  readonly efa?: number;
  readonly nvmeGB?: number;
  readonly gpus?: readonly AcceleratorRow[];
  readonly neuron?: AcceleratorRow;
  /** Letters of the zones in which the type is offered. */
  readonly zones: string;
  readonly od?: number;
  readonly odSrc?: string;
  readonly spot?: number;
  readonly spotSrc?: SpotSource;
  /** Index into `meta.interruption.buckets`. */
  readonly reclaim?: number;
}

export interface CatalogueFile {
  readonly meta: CatalogueMeta;
  readonly types: readonly CatalogueRow[];
}
