/**
 * Which sources of interruptions can be asked.
 *
 * In: what happened when one was asked. Out: what is wrong with those that cannot be asked, for the
 * status of node classes. It asks nobody and keeps nothing beyond this process: the next one asks anew.
 */

export interface SourceHealth {
  /** Undefined until a source has been asked; '' while all of them answer. */
  readonly problem: string | undefined;
  /** @param problem for people, with what to do; undefined if the source has answered */
  note(source: string, problem: string | undefined): void;
  /** Calls after every change of `problem`; returns how to end it. */
  listen(listener: () => void): () => void;
}

export function createSourceHealth(): SourceHealth {
  const problems = new Map<string, string>();
  const listeners = new Set<() => void>();
  let told: string | undefined;
  return {
    get problem() {
      return told;
    },
    note: (source, problem) => {
      problems.set(source, problem ?? '');
      const now = [...problems.values()].filter((one) => one !== '').join('; ');
      if (now === told) return;
      told = now;
      for (const listener of listeners) listener();
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
