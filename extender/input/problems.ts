/**
 * What is wrong with the input, collected so that one run names many mistakes.
 *
 * In: a place and a message per mistake. Out: one InputError, its location and first line those of
 * the first mistake. It stops the reading itself once there are `maxProblems`, because a file with
 * that many mistakes usually has one mistake repeated.
 */
import type { FieldProblem } from '../../core/api/field-problem.ts';
import { InputError, type InputLocation } from '../../core/errors.ts';

/** Mistakes that are shown; reading stops when there are this many. */
export const maxProblems = 20;

/** Where an object stands in the input. */
export interface Place {
  readonly file: string;
  /** 1-based number of the document, where a file can hold several. */
  readonly document?: number;
  /** 0-based index in the `items` of a List. */
  readonly item?: number;
}

export class InputProblems {
  readonly #errors: InputError[] = [];
  #thrown = false;

  /**
   * Adds a mistake.
   *
   * @throws {InputError} with all mistakes if there are `maxProblems` now.
   */
  add(location: InputLocation, message: string): void {
    this.#errors.push(new InputError(location, message));
    if (this.#errors.length >= maxProblems) {
      this.throwIfAny();
    }
  }

  /** Adds a mistake after which reading cannot go on. */
  addFatal(error: InputError): void {
    // What has been thrown from here already holds everything.
    if (!this.#thrown) {
      this.#errors.push(error);
    }
  }

  /** Adds the broken rules of one object. */
  addAll(place: Place, object: string, problems: readonly FieldProblem[]): void {
    for (const { field, message } of problems) {
      this.add(locationOf(place, object, field), message);
    }
  }

  /** @throws {InputError} with all mistakes, if there are any. */
  throwIfAny(): void {
    const [first, ...others] = this.#errors;
    if (first === undefined) {
      return;
    }
    this.#thrown = true;
    if (others.length === 0) {
      throw first;
    }
    const lines = others.map((error) => error.message);
    if (this.#errors.length >= maxProblems) {
      lines.push(`stopped reading after ${maxProblems} mistakes`);
    }
    const { location } = first;
    throw Object.assign(new InputError({}, [first.message, ...lines].join('\n')), { location });
  }
}

/** The place of an object, or of a field in it, as errors state it. */
export function locationOf(place: Place, object?: string, field?: string): InputLocation {
  const nameless = object !== undefined && !object.includes(' ') && place.item !== undefined;
  return {
    file: place.file,
    ...(place.document === undefined ? {} : { document: place.document }),
    ...(object === undefined
      ? {}
      : { object: nameless ? `${object} at items[${place.item}]` : object }),
    ...(field === undefined || field === '' ? {} : { field }),
  };
}
