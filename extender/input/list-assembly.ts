/**
 * Puts objects and the entries of Lists on one path, whatever format they were written in.
 *
 * In: an object as a whole, or a List piece by piece (what stands before its items, each item, what
 * is left). Out: single objects to a visitor, one at a time, so that a List of any length never
 * stands in memory. Items that state no kind (`PodList` as the API server sends it) take it from
 * their List; where that comes after the items, the items wait, up to a bound.
 */
import { InputError } from '../../core/errors.ts';
import { locationOf, type Place } from './problems.ts';

/** Receives one object that is not a List; it may be anything that the text holds. */
export type ObjectVisitor = (value: unknown, place: Place) => void;

/** Items that may wait for the kind of their List. */
const maxWaitingItems = 10_000;

interface ListHead {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly items?: unknown;
}

export class ListAssembly {
  readonly #visit: ObjectVisitor;
  #place: Place = { file: '' };
  #head: ListHead = {};
  #itemCount = 0;
  #waiting: { value: object; place: Place }[] = [];

  constructor(visit: ObjectVisitor) {
    this.#visit = visit;
  }

  /** A List begins; `head` is what stands before its items. */
  open(place: Place, head: unknown): void {
    this.#place = place;
    this.#head = isMapping(head) ? head : {};
    this.#itemCount = 0;
    this.#waiting = [];
  }

  /** The next item of the open List. */
  item(value: unknown): void {
    const place = { ...this.#place, item: this.#itemCount };
    this.#itemCount += 1;
    if (!isMapping(value) || value.kind !== undefined) {
      this.#visit(value, place);
    } else if (typeof this.#head.kind === 'string') {
      this.#visit(withKindOfList(value, this.#head), place);
    } else if (this.#waiting.length < maxWaitingItems) {
      this.#waiting.push({ value, place });
    } else {
      throw new InputError(
        locationOf(place, 'List', `items[${place.item}].kind`),
        `expected every item to state its kind, or the List to state its own before the items, found more than ${maxWaitingItems} items that do neither`,
      );
    }
  }

  /** The open List ends; `whole` is the object without the items that were given. */
  close(whole: unknown): void {
    const head = isMapping(whole) ? whole : {};
    for (const { value, place } of this.#waiting) {
      this.#visit(withKindOfList(value, head), place);
    }
    this.#waiting = [];
    if (!isListKind(head.kind)) {
      this.#visit(whole, this.#place);
    }
  }

  /** An object that stands in memory as a whole; a List is taken apart. */
  whole(value: unknown, place: Place): void {
    if (!isMapping(value) || !isListKind(value.kind)) {
      this.#visit(value, place);
      return;
    }
    if (value.items !== null && !Array.isArray(value.items)) {
      throw new InputError(locationOf(place, value.kind, 'items'), 'expected a list of objects');
    }
    this.open(place, value);
    for (const item of value.items ?? []) {
      this.item(item);
    }
    this.close(value);
  }
}

/** True for mappings: what every Kubernetes object is. */
export function isMapping(value: unknown): value is Record<string, unknown> & ListHead {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListKind(kind: unknown): kind is string {
  return typeof kind === 'string' && kind.endsWith('List');
}

function withKindOfList(item: object, list: ListHead): object {
  const kind = isListKind(list.kind) ? list.kind.slice(0, -'List'.length) : '';
  return kind === '' ? item : { apiVersion: list.apiVersion, kind, ...item };
}
