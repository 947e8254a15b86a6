/**
 * Spot prices that move.
 *
 * In: a type's regional price, a zone, a time. Out: the price then and there, always the same for the
 * same seed, without a history to keep. Zones lie around the regional price and prices wander around
 * their zone's level; the spread is that of the real sample in `reference/ec2.md` A9: standard
 * deviation of the logarithm 0.10 over zones, none beyond 1.9 times another.
 */
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { createRandom, normal, type SeededRandom } from './random.ts';

export interface SpotPrice {
  readonly priceNanoUsdPerHour: number;
  /** Since when it holds. */
  readonly sinceMs: number;
}

export interface SpotPrices {
  /** `undefined` where there is no spot capacity of the type. */
  at(type: InstanceTypeFacts, zone: string, timeMs: number): SpotPrice | undefined;
}

/** Together they make the sample's 0.10: levels of zones and wandering in time are independent. */
const zoneSigma = 0.08;
const timeSigma = 0.06;
/** Half of the logarithm of 1.9 on either side. */
const spreadMax = Math.log(1.9) / 2;
/** A pool's price changes this often, at its own moment. */
const stepMs = 6 * 3_600_000;
/** AWS prices have four decimals of a USD. */
const grainNano = 100_000;

interface Level {
  readonly zone: number;
  readonly offsetMs: number;
}

export function createSpotPrices(random: SeededRandom): SpotPrices {
  const seed = random.uuid();
  const levels = new Map<string, Level>();

  function levelOf(key: string): Level {
    const known = levels.get(key);
    if (known !== undefined) return known;
    const draws = createRandom(`${seed}/${key}`);
    const made = { zone: zoneSigma * normal(draws), offsetMs: Math.floor(draws.float() * stepMs) };
    levels.set(key, made);
    return made;
  }

  return {
    at: (type, zone, timeMs) => {
      const regional = type.offerings.find(
        (offering) => offering.zone === zone && offering.capacityType === 'spot',
      )?.priceNanoUsdPerHour;
      if (regional === undefined) return undefined;
      const key = `${type.name}/${zone}`;
      const level = levelOf(key);
      const step = Math.floor((timeMs - level.offsetMs) / stepMs);
      const wander = timeSigma * normal(createRandom(`${seed}/${key}/${step}`));
      const deviation = Math.max(-spreadMax, Math.min(spreadMax, level.zone + wander));
      const price = regional * Math.exp(deviation);
      return {
        priceNanoUsdPerHour: Math.max(grainNano, Math.round(price / grainNano) * grainNano),
        sinceMs: step * stepMs + level.offsetMs,
      };
    },
  };
}
