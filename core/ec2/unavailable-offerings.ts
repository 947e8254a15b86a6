/**
 * What could not be had, and for how long that is believed.
 *
 * In: refusals as they happen, the time. Out: whether an offering is worth asking for. A refusal holds
 * for three minutes (Karpenter's figure); one that repeats soon after holds longer, up to half an
 * hour, and one success ends it. Dry pools come together: where several types of a family are dry in
 * a zone the whole family there is taken for dry, where several families are the whole zone, for a
 * shorter time. Quotas are the account's and concern a group of families, wherever they run.
 */
import type { LaunchOffering } from '../cloud-port.ts';

export const dryMs = 180_000;
const dryMaxMs = 1_800_000;
/** A refusal this soon after the last one had ended continues it. */
const repeatMs = 300_000;
/** What is only concluded from others holds for less. */
const correlatedMs = 60_000;
/** Dry types of one family in one zone that make the family dry there. */
const typesOfFamily = 3;
/** Dry families in one zone that make the zone dry. */
const familiesOfZone = 4;
/** Refusals kept; the oldest go first. */
const entriesMax = 20_000;

export type UnavailableReason = 'capacity' | 'addresses' | 'quota' | 'spot-role' | 'reservation';

interface Entry {
  untilMs: number;
  lastsMs: number;
  readonly isConcluded: boolean;
}

/** One refusal, to be written down and read again after a restart. */
export interface UnavailableRecord {
  readonly key: string;
  readonly untilMs: number;
}

/** What a process remembers, for whoever writes it down. */
export interface RefusalMemory {
  /** What holds now. */
  records(): readonly UnavailableRecord[];
  /** Takes in what was written down. */
  restore(records: readonly UnavailableRecord[]): void;
}

export class UnavailableOfferings {
  readonly #entries = new Map<string, Entry>();
  #nextEndMs = Number.POSITIVE_INFINITY;
  #version = 0;

  /** Changes whenever an answer of {@link isUnavailable} may have changed. */
  version(nowMs: number): number {
    if (nowMs >= this.#nextEndMs) this.#expire(nowMs);
    return this.#version;
  }

  /** Refusals that hold now. */
  size(nowMs: number): number {
    let count = 0;
    for (const { untilMs } of this.#entries.values()) if (untilMs > nowMs) count += 1;
    return count;
  }

  mark(offering: LaunchOffering, reason: UnavailableReason, nowMs: number): void {
    const { capacityType, zone, instanceType } = offering;
    switch (reason) {
      case 'quota':
        this.#put(groupKey(capacityType, quotaGroup(instanceType)), dryMs, nowMs, false);
        return;
      case 'spot-role':
        this.#put(capacityKey('spot'), dryMs, nowMs, false);
        return;
      case 'addresses':
        this.#put(addressKey(zone), dryMs, nowMs, false);
        return;
      case 'reservation':
        this.#put(reservationKey(offering.reservationId), dryMs, nowMs, false);
        return;
      case 'capacity':
        this.#put(typeKey(offering), dryMs, nowMs, false);
        this.#correlate(capacityType, zone, familyOf(instanceType), nowMs);
    }
  }

  /** It was had: what stood against it is no longer believed. */
  clear(offering: LaunchOffering): void {
    const { capacityType, zone, instanceType } = offering;
    const keys = [
      typeKey(offering),
      familyKey(capacityType, zone, familyOf(instanceType)),
      zoneKey(capacityType, zone),
      addressKey(zone),
      groupKey(capacityType, quotaGroup(instanceType)),
      capacityKey(capacityType),
    ];
    for (const key of keys) if (this.#entries.delete(key)) this.#version += 1;
  }

  isUnavailable(offering: LaunchOffering, nowMs: number): boolean {
    const { capacityType, zone, instanceType, reservationId } = offering;
    if (capacityType === 'reserved') return this.#holds(reservationKey(reservationId), nowMs);
    return (
      this.#holds(typeKey(offering), nowMs) ||
      this.#holds(familyKey(capacityType, zone, familyOf(instanceType)), nowMs) ||
      this.#holds(zoneKey(capacityType, zone), nowMs) ||
      this.#holds(addressKey(zone), nowMs) ||
      this.#holds(groupKey(capacityType, quotaGroup(instanceType)), nowMs) ||
      this.#holds(capacityKey(capacityType), nowMs)
    );
  }

  /** What holds now, to outlive a restart. */
  records(nowMs: number): readonly UnavailableRecord[] {
    return [...this.#entries]
      .filter(([, { untilMs }]) => untilMs > nowMs)
      .map(([key, { untilMs }]) => ({ key, untilMs }));
  }

  /** Takes in what a process before knew; what lies too far ahead is not believed. */
  restore(records: readonly UnavailableRecord[], nowMs: number): void {
    for (const { key, untilMs } of records) {
      const leftMs = Math.min(untilMs - nowMs, dryMaxMs);
      if (leftMs > 0 && !this.#entries.has(key)) this.#put(key, leftMs, nowMs, false);
    }
  }

  #holds(key: string, nowMs: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.untilMs > nowMs;
  }

  #put(key: string, firstMs: number, nowMs: number, isConcluded: boolean): void {
    const known = this.#entries.get(key);
    const isRepeated =
      known !== undefined && nowMs >= known.untilMs && nowMs - known.untilMs < repeatMs;
    const lastsMs = isConcluded
      ? firstMs
      : isRepeated
        ? Math.min(known.lastsMs * 2, dryMaxMs)
        : Math.max(firstMs, known?.lastsMs ?? 0);
    this.#entries.delete(key);
    this.#entries.set(key, { untilMs: nowMs + lastsMs, lastsMs, isConcluded });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > entriesMax && oldest !== undefined) this.#entries.delete(oldest);
    this.#nextEndMs = Math.min(this.#nextEndMs, nowMs + lastsMs);
    this.#version += 1;
  }

  /** O(entries), which refusals pay, not readers. */
  #correlate(capacityType: string, zone: string, family: string, nowMs: number): void {
    const dryTypes = this.#countUnder(`type/${capacityType}/${zone}/${family}.`, nowMs);
    if (dryTypes >= typesOfFamily) {
      this.#put(familyKey(capacityType, zone, family), correlatedMs, nowMs, true);
    }
    const dryFamilies = this.#countUnder(`family/${capacityType}/${zone}/`, nowMs);
    if (dryFamilies >= familiesOfZone) {
      this.#put(zoneKey(capacityType, zone), correlatedMs, nowMs, true);
    }
  }

  #countUnder(prefix: string, nowMs: number): number {
    let count = 0;
    for (const [key, { untilMs }] of this.#entries) {
      if (untilMs > nowMs && key.startsWith(prefix)) count += 1;
    }
    return count;
  }

  /** Entries stay for a while after their end, so that a repetition is known as one. */
  #expire(nowMs: number): void {
    this.#nextEndMs = Number.POSITIVE_INFINITY;
    for (const [key, { untilMs, isConcluded }] of this.#entries) {
      if (untilMs > nowMs) this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
      else if (isConcluded || nowMs - untilMs >= repeatMs) this.#entries.delete(key);
    }
    this.#version += 1;
  }
}

function typeKey({ capacityType, zone, instanceType }: LaunchOffering): string {
  return `type/${capacityType}/${zone}/${instanceType}`;
}

function familyKey(capacityType: string, zone: string, family: string): string {
  return `family/${capacityType}/${zone}/${family}`;
}

function zoneKey(capacityType: string, zone: string): string {
  return `zone/${capacityType}/${zone}`;
}

function addressKey(zone: string): string {
  return `addresses/${zone}`;
}

function groupKey(capacityType: string, group: string): string {
  return `quota/${capacityType}/${group}`;
}

function capacityKey(capacityType: string): string {
  return `capacity/${capacityType}`;
}

function reservationKey(reservationId = ''): string {
  return `reservation/${reservationId}`;
}

function familyOf(instanceType: string): string {
  return instanceType.slice(0, instanceType.indexOf('.'));
}

/** The groups for which EC2 has a quota of vCPUs each (`reference/ec2.md` C2). */
export function quotaGroup(instanceType: string): string {
  const family = familyOf(instanceType);
  const named = ['inf', 'trn', 'dl', 'hpc', 'u-', 'u7', 'vt', 'mac'].find((prefix) =>
    family.startsWith(prefix),
  );
  if (named !== undefined) return named === 'vt' ? 'g' : named;
  const letter = family.charAt(0);
  return ['g', 'p', 'x', 'f'].includes(letter) ? letter : 'standard';
}
