/**
 * How decisions are looked up.
 *
 * In: nothing. Out: the contract between whoever keeps decision records (`extender/records/`) and
 * whoever explains by them. Lists are newest first.
 */
import type { DecisionRecord } from '../ports.ts';

/** One decision, however often it was taken again without a difference. */
export interface DecisionEntry {
  /** As it was taken the last time. */
  readonly record: DecisionRecord;
  /** When it was taken first. */
  readonly firstMs: number;
  readonly count: number;
}

export interface SubjectName {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** The decisions that are remembered. */
export interface DecisionIndex {
  /** About an object: by UID if that is known, else by name. */
  about(subject: SubjectName, uid?: string): readonly DecisionEntry[];
  /** About other objects, naming this one as their claim or node. */
  mentioning(subject: SubjectName): readonly DecisionEntry[];
}
