/**
 * What can be launched and what it costs, as far as is known now.
 *
 * In: the embedded catalogue, then whatever is read of EC2, part by part. Out: facts with offerings,
 * the same array until something changes; how old each part is. Until EC2 has answered the catalogue
 * stands in, and for a type whose price nobody tells its price stands in too. It makes no calls.
 */
import type { Catalogue } from '../../../catalogue/loader.ts';
import type { InstanceTypeFacts, Offering } from '../../../core/state/instance-type.ts';
import type { DescribedTypes } from './describe-types.ts';
import { spotKey } from './prices.ts';

export type BookPart = 'types' | 'on-demand' | 'spot';

/** Where a part is from, and when it was true. */
export interface PartSource {
  readonly from: 'catalogue' | 'api';
  /** Wall clock. */
  readonly asOfMs: number;
}

export class OfferingsBook {
  readonly #catalogue: Catalogue;
  readonly #embedded: ReadonlyMap<string, InstanceTypeFacts>;
  readonly #sources: Record<BookPart, PartSource>;
  #types: DescribedTypes | undefined;
  #onDemand: ReadonlyMap<string, number> = new Map();
  #spot: ReadonlyMap<string, number> = new Map();
  #facts: readonly InstanceTypeFacts[] | undefined;
  #prices: ReadonlyMap<string, number> | undefined;

  constructor(catalogue: Catalogue, region: string) {
    // Another region's zones do not exist here: without an answer of EC2 nothing can be offered.
    this.#catalogue =
      catalogue.region === region
        ? catalogue
        : {
            ...catalogue,
            types: catalogue.types.map((facts) => ({ ...facts, offerings: [] })),
          };
    this.#embedded = new Map(catalogue.types.map((facts) => [facts.name, facts]));
    const source: PartSource = { from: 'catalogue', asOfMs: Date.parse(catalogue.generated) };
    this.#sources = { types: source, 'on-demand': source, spot: source };
  }

  get embedded(): ReadonlyMap<string, InstanceTypeFacts> {
    return this.#embedded;
  }

  get sources(): Readonly<Record<BookPart, PartSource>> {
    return this.#sources;
  }

  setTypes(types: DescribedTypes, nowMs: number): void {
    this.#types = types;
    this.#changed('types', nowMs);
  }

  setOnDemand(prices: ReadonlyMap<string, number>, nowMs: number): void {
    this.#onDemand = prices;
    this.#changed('on-demand', nowMs);
  }

  setSpot(prices: ReadonlyMap<string, number>, nowMs: number): void {
    this.#spot = prices;
    this.#changed('spot', nowMs);
  }

  /** O(types x zones) after a change, else O(1). */
  facts(): readonly InstanceTypeFacts[] {
    const types = this.#types;
    this.#facts ??=
      types === undefined
        ? this.#catalogue.types
        : types.facts.map((facts) => ({
            ...facts,
            offerings: this.#offerings(facts.name, types.zones.get(facts.name) ?? []),
          }));
    return this.#facts;
  }

  /** Nano-USD per hour; undefined if nobody knows. */
  priceOf(instanceType: string, zone: string, capacityType: string): number | undefined {
    this.#prices ??= new Map(
      this.facts().flatMap(({ name, offerings }) =>
        offerings.map((one): [string, number] => [
          `${name}/${one.zone}/${one.capacityType}`,
          one.priceNanoUsdPerHour,
        ]),
      ),
    );
    return this.#prices.get(`${instanceType}/${zone}/${capacityType}`);
  }

  #changed(part: BookPart, nowMs: number): void {
    this.#sources[part] = { from: 'api', asOfMs: nowMs };
    this.#facts = undefined;
    this.#prices = undefined;
  }

  #offerings(name: string, zones: readonly string[]): readonly Offering[] {
    const embedded = this.#embedded.get(name);
    const onDemand = this.#onDemand.get(name) ?? embeddedPrice(embedded, 'on-demand');
    // Region-wide, and of the day of the catalogue: only until EC2 has told any spot price at all.
    const spotBefore = this.#spot.size === 0 ? embeddedPrice(embedded, 'spot') : undefined;
    return zones.flatMap((zone) => {
      const spot = this.#spot.get(spotKey(name, zone)) ?? spotBefore;
      return [...offering(zone, 'on-demand', onDemand), ...offering(zone, 'spot', spot)];
    });
  }
}

function offering(
  zone: string,
  capacityType: 'on-demand' | 'spot',
  price: number | undefined,
): readonly Offering[] {
  return price === undefined
    ? []
    : [{ zone, capacityType, priceNanoUsdPerHour: price, available: true }];
}

function embeddedPrice(
  facts: InstanceTypeFacts | undefined,
  capacityType: 'on-demand' | 'spot',
): number | undefined {
  return facts?.offerings.find((one) => one.capacityType === capacityType)?.priceNanoUsdPerHour;
}
