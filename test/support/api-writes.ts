/**
 * What a process under test writes to the simulated API server.
 *
 * In: nothing. Out: faults that let every call pass, and the calls among them that are no reads, in
 * their order. It judges nothing.
 */
import type { ApiCall, ApiFaults, ApiVerb } from '../../sim/faults.ts';

const reads: ReadonlySet<ApiVerb> = new Set(['list', 'watch', 'get', 'serves', 'probe']);

export interface WriteWatch {
  /** May be emptied. */
  readonly writes: ApiCall[];
  readonly faults: ApiFaults;
}

export function watchWrites(): WriteWatch {
  const writes: ApiCall[] = [];
  const faults: ApiFaults = {
    on: (call) => {
      if (!reads.has(call.verb)) writes.push(call);
      return undefined;
    },
  };
  return { writes, faults };
}

/** For messages. */
export function describeWrite({ verb, kind, object }: ApiCall): string {
  return [verb, kind, object].join(' ');
}
