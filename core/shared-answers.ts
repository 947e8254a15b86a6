/**
 * One asking for all who want the same answer.
 *
 * In: a key, how to ask, which answers hold for good. Out: the answer. Who asks while somebody asks
 * gets the same; an answer that holds is kept, within a bound. A failure is everybody's who waited
 * for it, and is not kept.
 */
export class SharedAnswers<T> {
  readonly #keptMax: number;
  readonly #holds: (answer: T) => boolean;
  readonly #answers = new Map<string, Promise<T>>();

  /** @param keptMax answers and askings under way, the oldest of which give way */
  constructor(keptMax: number, holds: (answer: T) => boolean) {
    this.#keptMax = keptMax;
    this.#holds = holds;
  }

  async of(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(key);
    if (known !== undefined) return await known;
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined && this.#answers.size >= this.#keptMax) this.#answers.delete(oldest);
    const answer = ask();
    this.#answers.set(key, answer);
    try {
      const given = await answer;
      if (!this.#holds(given)) this.#forget(key, answer);
      return given;
    } catch (error) {
      this.#forget(key, answer);
      throw error;
    }
  }

  #forget(key: string, answer: Promise<T>): void {
    if (this.#answers.get(key) === answer) this.#answers.delete(key);
  }
}
