/**
 * Typed reading of parsed JSON, field by field.
 *
 * In: an unknown value and where it stands. Out: the value as the asked type, or an `InputError`
 * that names file, object, field and what was expected. It knows nothing of EC2.
 */
import { InputError } from '../core/errors.ts';

/** Reads the fields of one object. Every method throws `InputError` on a wrong or missing value. */
export class FieldReader {
  readonly #file: string;
  readonly #object: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(file: string, object: string, value: unknown, path = '') {
    this.#file = file;
    this.#object = object;
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.error('', 'an object', value);
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
  }

  /** Names of the fields that are there. */
  names(): string[] {
    return Object.keys(this.#fields);
  }

  has(field: string): boolean {
    return this.#fields[field] !== undefined;
  }

  /** The error for a field of this object that is not what was expected. */
  error(field: string, expected: string, found: unknown = this.#fields[field]): InputError {
    const path = [this.#path, field].filter((part) => part !== '').join('.');
    const location = { file: this.#file, object: this.#object };
    const shown = found === undefined ? 'nothing' : JSON.stringify(found);
    return new InputError(
      path === '' ? location : { ...location, field: path },
      `expected ${expected}, found ${shown}`,
    );
  }

  text(field: string): string {
    const value = this.#fields[field];
    if (typeof value !== 'string' || value === '') throw this.error(field, 'a non-empty string');
    return value;
  }

  oneOf<T extends string>(field: string, values: readonly T[]): T {
    const value = values.find((candidate) => candidate === this.#fields[field]);
    if (value === undefined) throw this.error(field, `one of ${values.join(', ')}`);
    return value;
  }

  integer(field: string, min: number): number {
    const value = this.#fields[field];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
      throw this.error(field, `an integer of at least ${min}`);
    }
    return value;
  }

  /** As {@link integer}, `undefined` if the field is absent. */
  optionalInteger(field: string, min: number): number | undefined {
    return this.has(field) ? this.integer(field, min) : undefined;
  }

  /** A price in USD with at most six decimals, as integer nano-USD; `undefined` if absent. */
  optionalPriceNano(field: string): number | undefined {
    if (!this.has(field)) return undefined;
    const value = this.#fields[field];
    const micro = typeof value === 'number' ? Math.round(value * 1e6) : 0;
    if (micro <= 0 || micro / 1e6 !== value) {
      throw this.error(field, 'a price in USD above 0 with at most six decimals');
    }
    return micro * 1000;
  }

  /** A date as in `2026-07-20`. */
  date(field: string): string {
    const value = this.text(field);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(value) || Number.isNaN(Date.parse(value))) {
      throw this.error(field, 'a date as in 2026-07-20');
    }
    return value;
  }

  /** Whatever stands there. */
  value(field: string): unknown {
    if (!this.has(field)) throw this.error(field, 'a value');
    return this.#fields[field];
  }

  /** Reader of an object-valued field. */
  object(field: string): FieldReader {
    return new FieldReader(this.#file, this.#object, this.#fields[field], this.#join(field));
  }

  /** Readers of the objects in a list-valued field. */
  objects(field: string): FieldReader[] {
    return this.list(field).map(
      (item, index) =>
        new FieldReader(this.#file, this.#object, item, `${this.#join(field)}[${index}]`),
    );
  }

  texts(field: string): string[] {
    return this.list(field).map((item) => {
      if (typeof item !== 'string') throw this.error(field, 'a list of strings');
      return item;
    });
  }

  list(field: string): readonly unknown[] {
    const value = this.#fields[field];
    if (!Array.isArray(value)) throw this.error(field, 'a list');
    return value;
  }

  #join(field: string): string {
    return this.#path === '' ? field : `${this.#path}.${field}`;
  }
}
