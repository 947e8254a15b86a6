/**
 * When a batch is complete.
 *
 * In: word of every new pod, and of other reasons to plan. Out: the moment to plan: when no pod has
 * come for a while, at the latest so long after the first. What comes while a batch is planned
 * belongs to the next one, so that a busy solver makes larger batches. It holds no pods: the state
 * at the moment of planning decides.
 */
import type { Clock, Timer } from '../../../core/ports.ts';

export interface WindowOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly maxMs: number;
}

export class BatchWindow {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #maxMs: number;
  #openedMs: number | undefined;
  #timer: Timer | undefined;
  #later: { readonly atMs: number; readonly timer: Timer } | undefined;
  #waiter: ((openedMs: number | undefined) => void) | undefined;
  #isReady = false;
  #isClosed = false;

  constructor({ clock, idleMs, maxMs }: WindowOptions) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#maxMs = maxMs;
  }

  /** A pod has come, or something else has happened that makes a new plan worth while. */
  note(): void {
    if (this.#isClosed) return;
    const nowMs = this.#clock.monotonicMs();
    this.#openedMs ??= nowMs;
    const leftMs = Math.min(this.#idleMs, this.#openedMs + this.#maxMs - nowMs);
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(Math.max(0, leftMs), () => this.#complete());
  }

  /** Plans again after a while even if nothing happens; the earliest of several counts. */
  noteAfter(durationMs: number): void {
    if (this.#isClosed) return;
    const atMs = this.#clock.monotonicMs() + durationMs;
    if (this.#later !== undefined && this.#later.atMs <= atMs) return;
    this.#later?.timer.cancel();
    const timer = this.#clock.schedule(durationMs, () => {
      this.#later = undefined;
      this.note();
    });
    this.#later = { atMs, timer };
  }

  /** Resolves when a batch is complete, with how long its window was; undefined at the end. */
  next(): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#waiter = resolve;
      if (this.#isClosed) this.#answer(undefined);
      else if (this.#isReady) this.#hand();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#later?.timer.cancel();
    this.#answer(undefined);
  }

  #complete(): void {
    this.#timer = undefined;
    this.#isReady = true;
    this.#hand();
  }

  #hand(): void {
    if (this.#waiter === undefined) return;
    const windowMs = this.#clock.monotonicMs() - (this.#openedMs ?? this.#clock.monotonicMs());
    this.#isReady = false;
    this.#openedMs = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#answer(windowMs);
  }

  #answer(windowMs: number | undefined): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.(windowMs);
  }
}
