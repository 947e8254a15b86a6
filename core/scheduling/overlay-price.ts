/**
 * The price that a NodeOverlay makes of another one.
 *
 * In: nano-USD per hour and the overlay's texts. Out: nano-USD per hour, a whole number, rounded to
 * the nearest. Exact: texts are read digit by digit and percentages are computed in integers, so that
 * `-27.5%` of a price is the same on every machine. Rules: Karpenter's; no price falls below nothing.
 */
import type { NodeOverlaySpec } from '../api/nodeoverlay.ts';

const nanoDigits = 9;
const nanoPerUnit = 10n ** BigInt(nanoDigits);
const wholePercent = 100n * nanoPerUnit;

/** Without price and adjustment the price stays. */
export function adjustedPrice(
  priceNano: number,
  { price, priceAdjustment }: Pick<NodeOverlaySpec, 'price' | 'priceAdjustment'>,
): number {
  if (price !== undefined) return Number(nanoOf(price));
  if (priceAdjustment === undefined) return priceNano;
  const adjusted = priceAdjustment.endsWith('%')
    ? rounded(BigInt(priceNano) * (wholePercent + nanoOf(priceAdjustment.slice(0, -1))))
    : BigInt(priceNano) + nanoOf(priceAdjustment);
  return adjusted > 0n ? Number(adjusted) : 0;
}

/** To the nearest, halves up. */
function rounded(share: bigint): bigint {
  return (share + wholePercent / 2n) / wholePercent;
}

/** A decimal in billionths; what is finer is rounded, halves away from zero. */
function nanoOf(text: string): bigint {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)([0-9]*)\.?([0-9]*)$/.exec(text) ?? [];
  const digits = fraction.padEnd(nanoDigits + 1, '0').slice(0, nanoDigits + 1);
  const tenths = BigInt(`${whole}${digits}`);
  const nano = (tenths + 5n) / 10n;
  return sign === '-' ? -nano : nano;
}
