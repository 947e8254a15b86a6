/**
 * What an offering is held to cost beyond its price.
 *
 * In: shares of the price, by kind of risk. Out: nano-USD per hour that plans reckon with and bills do
 * not show: capacity that may be taken back, machines that take many minutes to boot.
 */
import type { PricedOffering } from '../../core/packing/packing-model.ts';

/** Shares of the price; 0.1 holds the offering to be a tenth dearer than it is. */
export interface OfferingPremiums {
  readonly spotPremium: number;
  readonly bareMetalPremium: number;
}

/** The risk of an offering, in nano-USD per hour. */
export function offeringRisk({
  spotPremium,
  bareMetalPremium,
}: OfferingPremiums): (offering: PricedOffering) => number {
  return ({ instanceType, capacityType, priceNano }) => {
    const share =
      (capacityType === 'spot' ? spotPremium : 0) +
      (instanceType.includes('.metal') ? bareMetalPremium : 0);
    return Math.round(priceNano * share);
  };
}
