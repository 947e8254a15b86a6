/**
 * Makes one call of many that come together.
 *
 * In: items as they come. Out: an answer for each. A batch is complete when nothing has come for a
 * while, at the latest after a limit, or when it is full. Equal items in a batch are asked for once.
 * It holds no more than waits for it.
 */
import type { Clock, Timer } from '../core/ports.ts';

export interface BatcherOptions<I, O> {
  readonly idleMs: number;
  readonly maxMs: number;
  readonly sizeMax: number;
  /** Answers in the order of the items. What it throws, every item's caller gets. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>;
}

export interface Batcher<I, O> {
  /** Rejects with the signal's reason when that is aborted first; the call is made nevertheless. */
  add(item: I, signal?: AbortSignal): Promise<O>;
}

interface Batch<I, O> {
  readonly openedMs: number;
  readonly items: Map<I, Promise<O>>;
  readonly settle: Map<
    I,
    { readonly resolve: (value: O) => void; readonly reject: (error: unknown) => void }
  >;
  timer: Timer | undefined;
}

export function createBatcher<I, O>(
  clock: Clock,
  { idleMs, maxMs, sizeMax, run }: BatcherOptions<I, O>,
): Batcher<I, O> {
  let open: Batch<I, O> | undefined;

  function close(batch: Batch<I, O>): void {
    if (open === batch) open = undefined;
    batch.timer?.cancel();
    const items = [...batch.items.keys()];
    run(items).then(
      (answers) => {
        for (const [index, item] of items.entries()) {
          batch.settle.get(item)?.resolve(answers[index] as O);
        }
      },
      (error: unknown) => {
        for (const { reject } of batch.settle.values()) reject(error);
      },
    );
  }

  function join(item: I): Promise<O> {
    open ??= {
      openedMs: clock.monotonicMs(),
      items: new Map(),
      settle: new Map(),
      timer: undefined,
    };
    const batch = open;
    const known = batch.items.get(item);
    if (known !== undefined) return known;
    const answer = new Promise<O>((resolve, reject) => {
      batch.settle.set(item, { resolve, reject });
    });
    // A caller that gave up must not leave a rejection that nobody hears.
    answer.catch(() => undefined);
    batch.items.set(item, answer);
    batch.timer?.cancel();
    if (batch.items.size >= sizeMax) {
      close(batch);
      return answer;
    }
    const leftMs = Math.max(0, batch.openedMs + maxMs - clock.monotonicMs());
    batch.timer = clock.schedule(Math.min(idleMs, leftMs), () => close(batch));
    return answer;
  }

  return {
    add: async (item, signal) => {
      signal?.throwIfAborted();
      return await unlessAborted(join(item), signal);
    },
  };
}

/** The promise, or the signal's reason if that comes first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
