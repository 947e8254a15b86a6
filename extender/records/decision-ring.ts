/**
 * The last decisions, in memory, found by what they are about.
 *
 * In: decision records. Out: those about an object, by its name and UID, and those that name it in
 * their details (a pod's plan names its claim). A decision that is merely repeated is one entry with
 * a count; the last word about an object that still waits is passed over when others have to go, so
 * that a pod that has been pending for a day still has its reason. What is not written elsewhere is
 * lost with the process: the state of the cluster is in its objects, this only says why. Adding and
 * finding cost O(1) per entry.
 */
import type { DecisionEntry, DecisionIndex, SubjectName } from '../../core/explain/decisions.ts';
import type { DecisionRecord } from '../../core/ports.ts';

/** Entries kept; about 2 KiB each with their indexes. */
export const decisionsMax = 20_000;
/** Entries kept about one object. */
export const decisionsPerSubjectMax = 16;
/** Entries passed over to make room for one. */
const passedOverMax = 8;

/** Details whose values name another object, by the kind that they name. */
const references: readonly (readonly [detail: string, kind: string])[] = [
  ['claim', 'NodeClaim'],
  ['nodeClaim', 'NodeClaim'],
  ['node', 'Node'],
];

interface Slot {
  readonly at: number;
  entry: DecisionEntry;
  /** It has been passed over: it is older than its neighbours. */
  isCarried: boolean;
}

type Index = Map<string, Set<Slot>>;

export interface DecisionRingOptions {
  readonly max?: number;
  /** Whether what was decided still stands for its subject, which waits. Answers at once. */
  readonly isStanding?: (record: DecisionRecord) => boolean;
}

export class DecisionRing implements DecisionIndex {
  /** A circle; the next entry goes to `#head`. */
  readonly #slots: (Slot | undefined)[];
  #head = 0;
  /** By name of the subject; in the order in which they came. */
  readonly #about: Index = new Map();
  readonly #mentions: Index = new Map();
  readonly #isStanding: (record: DecisionRecord) => boolean;

  constructor({ max = decisionsMax, isStanding = () => false }: DecisionRingOptions = {}) {
    this.#slots = Array.from({ length: max }, () => undefined);
    this.#isStanding = isStanding;
  }

  about(subject: SubjectName, uid?: string): readonly DecisionEntry[] {
    const entries = entriesOf(this.#about.get(nameKey(subject)));
    // Names are used again, by StatefulSets above all.
    return entries.filter(
      ({ record }) =>
        uid === undefined || record.subject.uid === undefined || record.subject.uid === uid,
    );
  }

  mentioning(subject: SubjectName): readonly DecisionEntry[] {
    return entriesOf(this.#mentions.get(nameKey(subject)));
  }

  /** The last so many at most, in the order in which they were made. */
  recent(limit: number): readonly DecisionRecord[] {
    const records: DecisionRecord[] = [];
    const { length } = this.#slots;
    for (let back = 1; back <= length && records.length < limit; back += 1) {
      const slot = this.#slots[(this.#head - back + length) % length];
      if (slot !== undefined && !slot.isCarried) records.push(slot.entry.record);
    }
    return records.reverse();
  }

  /** Adds a record, or counts it as a repetition; whether another had to be forgotten for it. */
  add(record: DecisionRecord): { readonly isNew: boolean; readonly hasForgotten: boolean } {
    const repeated = this.#repeatedBy(record);
    if (repeated !== undefined) {
      const { firstMs, count } = repeated.entry;
      repeated.entry = { record, firstMs, count: count + 1 };
      return { isNew: false, hasForgotten: false };
    }
    const hasForgotten = this.#makeRoom();
    const entry: DecisionEntry = { record, firstMs: record.timeMs, count: 1 };
    const slot: Slot = { at: this.#head, entry, isCarried: false };
    this.#slots[this.#head] = slot;
    this.#advance();
    const own = link(this.#about, nameKey(record.subject), slot);
    for (const key of mentionKeys(record)) link(this.#mentions, key, slot);
    if (own.size > decisionsPerSubjectMax) this.#drop(firstOf(own));
    return { isNew: true, hasForgotten };
  }

  /** The subject's last decision by the same actor, if it says the same. */
  #repeatedBy({ subject, actor, outcome, reason, details }: DecisionRecord): Slot | undefined {
    const own = this.#about.get(nameKey(subject));
    if (own === undefined) return undefined;
    const last = [...own].findLast(({ entry }) => entry.record.actor === actor);
    const record = last?.entry.record;
    const isSame =
      record !== undefined &&
      record.subject.uid === subject.uid &&
      record.outcome === outcome &&
      record.reason === reason &&
      references.every(([detail]) => record.details?.[detail] === details?.[detail]);
    return isSame ? last : undefined;
  }

  #makeRoom(): boolean {
    for (let passed = 0; passed < passedOverMax; passed += 1) {
      const slot = this.#slots[this.#head];
      if (slot === undefined || !this.#isLastWord(slot)) break;
      slot.isCarried = true;
      this.#advance();
    }
    const slot = this.#slots[this.#head];
    this.#drop(slot);
    return slot !== undefined;
  }

  #isLastWord(slot: Slot): boolean {
    const { record } = slot.entry;
    const own = this.#about.get(nameKey(record.subject));
    return own !== undefined && [...own].at(-1) === slot && this.#isStanding(record);
  }

  #advance(): void {
    this.#head = (this.#head + 1) % this.#slots.length;
  }

  #drop(slot: Slot | undefined): void {
    if (slot === undefined) return;
    const { record } = slot.entry;
    this.#slots[slot.at] = undefined;
    unlink(this.#about, nameKey(record.subject), slot);
    for (const key of mentionKeys(record)) unlink(this.#mentions, key, slot);
  }
}

function firstOf(slots: ReadonlySet<Slot>): Slot | undefined {
  const [first] = slots;
  return first;
}

function entriesOf(slots: ReadonlySet<Slot> | undefined): readonly DecisionEntry[] {
  return slots === undefined ? [] : Array.from(slots, ({ entry }) => entry).reverse();
}

function link(index: Index, key: string, slot: Slot): Set<Slot> {
  let slots = index.get(key);
  if (slots === undefined) {
    slots = new Set();
    index.set(key, slots);
  }
  return slots.add(slot);
}

function unlink(index: Index, key: string, slot: Slot): void {
  const slots = index.get(key);
  if (slots?.delete(slot) === true && slots.size === 0) index.delete(key);
}

function mentionKeys({ details }: DecisionRecord): readonly string[] {
  return references.flatMap(([detail, kind]) => {
    const name = details?.[detail];
    return typeof name === 'string' ? [nameKey({ kind, name })] : [];
  });
}

function nameKey({ kind, namespace = '', name }: SubjectName): string {
  return `${kind}/${namespace}/${name}`;
}
