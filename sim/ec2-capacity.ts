/**
 * How much of each instance type EC2 has left, pool by pool.
 *
 * In: pools (type, zone, capacity type) as they are asked for, a seed. Out: whether one more can be
 * had. A pool is drawn when it is first asked for, so that 700 types in six zones cost nothing.
 * Pools run dry when they are used up, when somebody else takes everything for a while (a spell, by
 * chance), or when a test says so.
 */
import type { Clock } from '../core/ports.ts';
import type { CapacityType, InstanceTypeFacts } from '../core/state/instance-type.ts';
import { exponential, lognormal, type SeededRandom } from './random.ts';

export interface PoolKey {
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: CapacityType;
}

export interface CapacityModel {
  /** vCPUs in a pool, median over pools; each pool is drawn around it. */
  readonly onDemandMedianVcpu: number;
  readonly spotMedianVcpu: number;
  /** Accelerated types have this share of it. */
  readonly acceleratedShare: number;
  readonly sigma: number;
  /** Mean time between spells of drought in a pool, and their mean length. */
  readonly spellEveryMs: number;
  readonly spellLengthMs: number;
}

export const defaultCapacityModel: CapacityModel = {
  onDemandMedianVcpu: 20_000,
  spotMedianVcpu: 4_000,
  acceleratedShare: 0.05,
  sigma: 1,
  spellEveryMs: 24 * 3_600_000,
  spellLengthMs: 15 * 60_000,
};

/** Everything can be had. */
export const endlessCapacity: CapacityModel = {
  onDemandMedianVcpu: Infinity,
  spotMedianVcpu: Infinity,
  acceleratedShare: 1,
  sigma: 0,
  spellEveryMs: Infinity,
  spellLengthMs: 0,
};

export interface CapacityPools {
  /** Takes one instance out of a pool; false if it is dry. */
  take(key: PoolKey, facts: InstanceTypeFacts): boolean;
  /** How many it would still give. */
  depth(key: PoolKey, facts: InstanceTypeFacts): number;
  /** Gives one back. */
  give(key: PoolKey): void;
  /** Until a time matching pools refuse this share of what is asked of them; all unless given. */
  drain(matches: (key: PoolKey) => boolean, untilMs: number, share?: number): void;
  /** Sets how many matching pools hold, those that nobody has asked yet included. */
  fill(matches: (key: PoolKey) => boolean, count: number): void;
  /** Ends every drought that was made; spells by chance go on. */
  recover(): void;
}

interface Drought {
  readonly matches: (key: PoolKey) => boolean;
  readonly untilMs: number;
  readonly share: number;
}

interface Pool {
  readonly key: PoolKey;
  left: number;
  /** In a spell until then. */
  dryUntilMs: number;
  nextSpellMs: number;
}

export function createCapacityPools(
  clock: Clock,
  random: SeededRandom,
  model: CapacityModel,
): CapacityPools {
  const pools = new Map<string, Pool>();
  const fillings: { readonly matches: (key: PoolKey) => boolean; readonly count: number }[] = [];
  let droughts: Drought[] = [];

  function poolOf(key: PoolKey, facts: InstanceTypeFacts): Pool {
    const id = idOf(key);
    const known = pools.get(id);
    if (known !== undefined) return known;
    // Of its own stream: what is drawn does not depend on which pools were asked for before.
    const draws = random.branch(id);
    const median = key.capacityType === 'spot' ? model.spotMedianVcpu : model.onDemandMedianVcpu;
    const isAccelerated = facts.gpus.length > 0 || facts.neuron !== undefined;
    const vcpu =
      lognormal(draws, median, model.sigma) * (isAccelerated ? model.acceleratedShare : 1);
    const made: Pool = {
      key,
      left:
        fillings.findLast(({ matches }) => matches(key))?.count ??
        Math.floor(vcpu / facts.vcpuCount),
      dryUntilMs: 0,
      nextSpellMs: clock.nowMs() + exponential(draws, model.spellEveryMs),
    };
    pools.set(id, made);
    return made;
  }

  function isInSpell(pool: Pool, nowMs: number): boolean {
    while (pool.nextSpellMs <= nowMs) {
      pool.dryUntilMs = pool.nextSpellMs + exponential(random, model.spellLengthMs);
      pool.nextSpellMs = pool.dryUntilMs + exponential(random, model.spellEveryMs);
    }
    return nowMs < pool.dryUntilMs;
  }

  function isDry(key: PoolKey, pool: Pool): boolean {
    const nowMs = clock.nowMs();
    droughts = droughts.filter(({ untilMs }) => untilMs > nowMs);
    const isRefused = droughts.some(
      ({ matches, share }) => matches(key) && (share >= 1 || random.chance(share)),
    );
    return isRefused || isInSpell(pool, nowMs);
  }

  return {
    take: (key, facts) => {
      const pool = poolOf(key, facts);
      if (pool.left <= 0 || isDry(key, pool)) return false;
      pool.left -= 1;
      return true;
    },
    depth: (key, facts) => {
      const pool = poolOf(key, facts);
      return isDry(key, pool) ? 0 : Math.max(0, pool.left);
    },
    give: (key) => {
      const pool = pools.get(idOf(key));
      if (pool !== undefined) pool.left += 1;
    },
    drain: (matches, untilMs, share = 1) => {
      droughts.push({ matches, untilMs, share });
    },
    fill: (matches, count) => {
      fillings.push({ matches, count });
      for (const pool of pools.values()) if (matches(pool.key)) pool.left = count;
    },
    recover: () => {
      droughts = [];
    },
  };
}

function idOf({ instanceType, zone, capacityType }: PoolKey): string {
  return `${instanceType}/${zone}/${capacityType}`;
}
