/**
 * Long work in steps, so that whoever does it may turn to something else in between.
 *
 * In: a generator that yields where it may be interrupted. Out: its result. What it reads must not
 * change between two steps. It knows no clock: how long a step may take is its caller's business.
 */

/** Work that yields between its steps and returns a result. */
export type Steps<Result> = Generator<void, Result, void>;

/** All steps at once. */
export function allSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** What `map` makes of each item, with a rest after every `perStep` of them. */
export function* mapInSteps<Item, Result>(
  items: readonly Item[],
  perStep: number,
  map: (item: Item) => Result,
): Steps<Result[]> {
  const results: Result[] = [];
  for (const item of items) {
    results.push(map(item));
    if (results.length % perStep === 0) yield;
  }
  return results;
}
