/**
 * Decisions as the dashboard tells them: the last ones in order, and the last about each pending pod.
 *
 * In: records as they are made. Out: lines for the log, at most `decisionsMax`; the newest record
 * about a pod. Bounded in both: what is oldest goes.
 */
import type { DecisionRecord } from '../../core/ports.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import { podKey } from '../../core/state/snapshot.ts';
import { type DashboardDiff, type DecisionLine, decisionsMax, reasonCharsMax } from './state.ts';

/** Pods whose last decision is known. */
const subjectsMax = 50_000;

export class DecisionLog {
  /** Records worth reading when the log begins. */
  static readonly readAtStart = 5_000;

  readonly #byPod = new Map<string, DecisionRecord>();
  #told: DecisionLine[] = [];
  #news: DecisionLine[] = [];
  #number = 0;

  constructor(before: readonly DecisionRecord[]) {
    for (const record of before) this.add(record);
  }

  /** Lines that {@link news} has handed out, newest last. */
  get told(): readonly DecisionLine[] {
    return this.#told;
  }

  add(record: DecisionRecord): void {
    const { timeMs, actor, outcome, reason } = record;
    const { kind, namespace = '', name } = record.subject;
    const subject = namespace === '' ? name : `${namespace}/${name}`;
    this.#number += 1;
    this.#news.push({
      number: this.#number,
      timeMs,
      actor,
      outcome,
      kind,
      subject,
      reason: reason.slice(0, reasonCharsMax),
    });
    // Cut rarely, so that a burst costs O(1) each.
    if (this.#news.length > 2 * decisionsMax) this.#news = this.#news.slice(-decisionsMax);
    if (kind !== 'Pod') return;
    this.#byPod.delete(subject);
    this.#byPod.set(subject, record);
    const [oldest] = this.#byPod.keys();
    if (this.#byPod.size > subjectsMax && oldest !== undefined) this.#byPod.delete(oldest);
  }

  /** The newest about this very pod. */
  lastAbout(pod: LivePod): DecisionRecord | undefined {
    const record = this.#byPod.get(podKey(pod));
    const uid = record?.subject.uid;
    return uid === undefined || uid === pod.uid ? record : undefined;
  }

  /** @param key `namespace/name` of a pod that is no more */
  forget(key: string): void {
    this.#byPod.delete(key);
  }

  /** Lines since the last call. */
  news(): Pick<DashboardDiff, 'decisions'> {
    if (this.#news.length === 0) return {};
    const decisions = this.#news.slice(-decisionsMax);
    this.#news = [];
    this.#told = [...this.#told, ...decisions].slice(-decisionsMax);
    return { decisions };
  }
}
