/**
 * The account's vCPU quotas.
 *
 * In: instance types, quotas per group or one number. Out: whether one more instance is within them.
 * Groups as AWS counts them (`reference/ec2.md` C2): standard families share one quota, accelerated
 * ones have their own; spot and on-demand are counted apart.
 */
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';

export type QuotaGroup = 'Standard' | 'G' | 'P' | 'Inf' | 'Trn' | 'X' | 'DL' | 'F' | 'HighMemory';

/** vCPUs; a group that is not named has no limit. One number: every capacity type as a whole. */
export type QuotaTable = number | Readonly<Partial<Record<QuotaGroup, number>>>;

const groupOfCategory: Readonly<Record<string, QuotaGroup>> = {
  g: 'G',
  gr: 'G',
  vt: 'G',
  p: 'P',
  inf: 'Inf',
  trn: 'Trn',
  x: 'X',
  dl: 'DL',
  f: 'F',
  u: 'HighMemory',
};

/** The quota that a type counts against. */
export function quotaGroupOf({ category }: InstanceTypeFacts): QuotaGroup {
  return groupOfCategory[category] ?? 'Standard';
}

export interface QuotaBook {
  allows(type: InstanceTypeFacts, capacityType: 'on-demand' | 'spot'): boolean;
  /** Counts an instance in, or out with -1. */
  count(type: InstanceTypeFacts, capacityType: 'on-demand' | 'spot', change: 1 | -1): void;
}

export function createQuotaBook(quotas: QuotaTable = Infinity): QuotaBook {
  const used = new Map<string, number>();
  const keyOf = (type: InstanceTypeFacts, capacityType: string): string =>
    typeof quotas === 'number' ? capacityType : `${capacityType}/${quotaGroupOf(type)}`;
  return {
    allows: (type, capacityType) => {
      const limit = typeof quotas === 'number' ? quotas : quotas[quotaGroupOf(type)];
      const inUse = used.get(keyOf(type, capacityType)) ?? 0;
      return limit === undefined || inUse + type.vcpuCount <= limit;
    },
    count: (type, capacityType, change) => {
      const key = keyOf(type, capacityType);
      used.set(key, (used.get(key) ?? 0) + change * type.vcpuCount);
    },
  };
}
