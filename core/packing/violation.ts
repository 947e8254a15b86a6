/**
 * What a check found wrong, as a value.
 *
 * In: findings, one at a time. Out: at most a named number of them, and how many more there were,
 * so that a broken plan of 100,000 pods does not become a report of 100,000 lines. It judges
 * nothing: the checks that fill it do.
 */

/** One broken rule: a stable code for programs, a sentence for people. */
export interface Violation {
  readonly code: string;
  readonly message: string;
}

/** Most violations that one report lists; the rest are counted. */
export const maxViolationsListed = 50;

/** Collects violations up to {@link maxViolationsListed}. */
export class ViolationList {
  readonly items: Violation[] = [];
  /** Violations that were found but are not in `items`. */
  omitted = 0;

  /** Records a violation; `message` is only built while there is room for it. */
  add(code: string, message: () => string): void {
    if (this.items.length < maxViolationsListed) this.items.push({ code, message: message() });
    else this.omitted++;
  }

  get empty(): boolean {
    return this.items.length === 0;
  }
}
