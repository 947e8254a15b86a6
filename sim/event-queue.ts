/**
 * Things that will happen, in the order in which they will.
 *
 * In: times and callbacks. Out: the next one. Those of one time come in the order in which they
 * were put in, so that a run is reproducible. A binary heap: O(log n) each way; what is cancelled
 * stays inside until its time comes. It knows no clock.
 */

export interface QueuedEvent {
  readonly timeMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #order = 0;

  /** Events inside, cancelled ones included. */
  get length(): number {
    return this.#heap.length;
  }

  /** Adds an event. To cancel it, set its `run` to undefined. */
  push(timeMs: number, run: () => void): QueuedEvent {
    const event: QueuedEvent = { timeMs, order: this.#order, run };
    this.#order += 1;
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(event);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent] as QueuedEvent;
      if (isBefore(above, event)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = event;
    return event;
  }

  /** The next event that has not been cancelled. */
  peek(): QueuedEvent | undefined {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) this.#removeFirst();
    return this.#heap[0];
  }

  /** Takes the next event out. */
  pop(): QueuedEvent | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as QueuedEvent, heap[child] as QueuedEvent)) {
        child = right;
      }
      if (isBefore(last, heap[child] as QueuedEvent)) break;
      heap[hole] = heap[child] as QueuedEvent;
      hole = child;
    }
    heap[hole] = last;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}
