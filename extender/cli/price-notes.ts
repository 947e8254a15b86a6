/**
 * How real the prices of a plan are, in sentences for its notes.
 *
 * In: the catalogue and the offerings that the plan buys. Out: the region and the dates of the
 * figures used, which types carry a price that nobody quoted, and which overlays were applied or left
 * out. It says nothing of types that the plan does not use.
 */
import type { Catalogue } from '../../catalogue/loader.ts';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import type { NewNodeOffering } from '../../core/packing/packing-model.ts';
import { pricedBy } from '../../core/scheduling/overlays.ts';

/** Types named in one sentence; the rest is counted. */
const typesNamedMax = 5;

/** What was bought, as far as its price goes. */
interface Bought {
  readonly instanceType: string;
  readonly capacityType: string;
}

/** Which overlays the prices of what was bought are from. */
export function overlayPriceNotes(bought: readonly NewNodeOffering[]): string[] {
  const byOverlay = Map.groupBy(bought, (one) => pricedBy(one.type, one));
  byOverlay.delete(undefined);
  return [...byOverlay]
    .map(([overlay, own]) => `Priced by NodeOverlay ${overlay}: ${listed(typesOf(own))}.`)
    .sort();
}

/** Overlays that are not applied, and why. */
export function overlayConflictNotes(conflicts: ReadonlyMap<NodeOverlay, string>): string[] {
  return Array.from(
    conflicts,
    ([{ metadata, spec }, other]) =>
      `NodeOverlay ${metadata.name} is left out: NodeOverlay ${other} of the same weight (${spec.weight ?? 0}) speaks of the same.`,
  );
}

/** No notes for a plan that buys nothing. */
export function priceNotes(catalogue: Catalogue, bought: readonly Bought[]): string[] {
  const spot = typesOf(bought, (capacityType) => capacityType === 'spot');
  const onDemand = typesOf(bought, (capacityType) => capacityType !== 'spot');
  const notes: string[] = [];
  if (onDemand.length > 0) {
    const sources = onDemand.map((type) => catalogue.provenance.get(type)?.onDemandSource);
    notes.push(`On-demand prices: ${catalogue.region}, ${datesOf(catalogue, sources)}.`);
  }
  if (spot.length > 0) {
    const sources = spot.map((type) => catalogue.provenance.get(type)?.spotSource);
    const dates = datesOf(catalogue, sources);
    notes.push(
      `Spot prices: ${catalogue.region}, ${dates}; regional, because no price per zone is known, so a type costs the same in all of its zones here.`,
    );
    const ofSource = (wanted: string): string[] => spot.filter((_, i) => sources[i] === wanted);
    const derived = ofSource('advisor');
    if (derived.length > 0) {
      notes.push(`Spot prices derived from the Spot Advisor's savings: ${listed(derived)}.`);
    }
    const guessed = ofSource('imputed');
    if (guessed.length > 0) {
      notes.push(
        `Spot prices that are a guess, from the usual ratio of the family: ${listed(guessed)}.`,
      );
    }
  }
  return notes;
}

function typesOf(
  bought: readonly Bought[],
  wanted: (capacityType: string) => boolean = () => true,
): string[] {
  const types = bought
    .filter(({ capacityType }) => wanted(capacityType))
    .map(({ instanceType }) => instanceType);
  return [...new Set(types)].sort();
}

/** `as of 2026-08-10`, or the range of several dates. */
function datesOf(catalogue: Catalogue, sources: readonly (string | undefined)[]): string {
  const dates = [
    ...new Set(
      sources.flatMap((source) =>
        source === undefined ? [] : (catalogue.sources.get(source)?.asOf ?? []),
      ),
    ),
  ].sort();
  const [first, last] = [dates[0], dates.at(-1)];
  if (first === undefined) return 'of no known date';
  return first === last ? `as of ${first}` : `as of ${first} to ${last}`;
}

function listed(types: readonly string[]): string {
  const rest = types.length - typesNamedMax;
  const named = types.slice(0, typesNamedMax).join(', ');
  return rest > 0 ? `${named} and ${rest} more` : named;
}
