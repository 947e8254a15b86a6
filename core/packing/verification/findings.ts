/**
 * What is wrong with a plan, and with which object of it.
 *
 * In: findings, one at a time. Out: at most a named number of them and the count of the rest. It
 * judges nothing.
 */

/** One thing that does not hold: a stable code, the object it is about, a sentence. */
export interface PlanFinding {
  readonly code: string;
  /** `Pod namespace/name`, `Node name`, `NodePool name`, `Plan`. */
  readonly object: string;
  readonly message: string;
}

/** Most findings that one report lists; the rest are counted. */
export const maxFindingsListed = 100;

/** Collects findings up to {@link maxFindingsListed}. */
export class FindingList {
  readonly items: PlanFinding[] = [];
  /** Findings that are not in `items`. */
  omitted = 0;

  /** Records a finding; its text is only built while there is room for it. */
  add(code: string, object: string, message: () => string): void {
    if (this.items.length < maxFindingsListed) {
      this.items.push({ code, object, message: message() });
    } else {
      this.omitted++;
    }
  }
}
