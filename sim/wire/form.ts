/**
 * Requests of AWS's query protocols: forms whose keys are paths.
 *
 * In: `Filter.1.Name=a&Filter.1.Value.1=b`. Out: typed access by name. A missing or malformed
 * parameter is refused with the code that EC2 has for it. It knows no action.
 */
import { Ec2Error } from '../ec2-types.ts';

/** A value, or what is below a name; numbers of list entries are names, too. */
export type FormTree = string | { readonly [name: string]: FormTree };

/** Far above what AWS takes: 60 launch templates with 200 overrides. */
const partsMax = 200_000;
const noFields: { readonly [name: string]: FormTree } = {};

/** @throws Ec2Error if one name is both a value and a structure, or there are too many */
export function parseForm(body: string): Form {
  const root: Record<string, FormTree> = Object.create(null) as Record<string, FormTree>;
  let count = 0;
  for (const [path, value] of new URLSearchParams(body)) {
    count += 1;
    if (count > partsMax) throw malformed(path);
    const names = path.split('.');
    const last = names.pop() ?? '';
    let place = root;
    for (const name of names) {
      const known = place[name];
      if (typeof known === 'string') throw malformed(path);
      place = (known ?? (place[name] = Object.create(null) as FormTree)) as Record<
        string,
        FormTree
      >;
    }
    place[last] = value;
  }
  return new Form(root, '');
}

function malformed(path: string): Ec2Error {
  return new Ec2Error('MalformedQueryString', `The parameter ${path} is not understood.`);
}

/** The parameters of a request or of a structure in it. */
export class Form {
  readonly tree: { readonly [name: string]: FormTree };
  readonly #path: string;

  constructor(tree: FormTree | undefined, path: string) {
    this.tree = typeof tree === 'object' ? tree : noFields;
    this.#path = path;
  }

  /** Whether anything is given. */
  get isEmpty(): boolean {
    return Object.keys(this.tree).length === 0;
  }

  has(name: string): boolean {
    return this.tree[name] !== undefined;
  }

  optional(name: string): string | undefined {
    const value = this.tree[name];
    return typeof value === 'string' ? value : undefined;
  }

  text(name: string): string {
    const value = this.optional(name);
    if (value !== undefined && value !== '') return value;
    throw new Ec2Error(
      'MissingParameter',
      `The request must contain the parameter ${this.#pathOf(name)}`,
    );
  }

  flag(name: string): boolean {
    return this.optional(name) === 'true';
  }

  /** `undefined` if absent. @throws Ec2Error outside the range */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw invalid(this.#pathOf(name), text, `an integer between ${min} and ${max}`);
  }

  number(name: string): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isFinite(value)) return value;
    throw invalid(this.#pathOf(name), text, 'a number');
  }

  /** Milliseconds since 1970. */
  time(name: string): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const value = Date.parse(text);
    if (Number.isFinite(value)) return value;
    throw invalid(this.#pathOf(name), text, 'a time');
  }

  /** One of these, or `otherwise` if absent. */
  choice<T extends string>(name: string, values: readonly T[], otherwise: T): T {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    const value = values.find((one) => one === text);
    if (value === undefined) throw invalid(this.#pathOf(name), text, `one of ${values.join(', ')}`);
    return value;
  }

  form(name: string): Form {
    return new Form(this.tree[name], this.#pathOf(name));
  }

  /** Entries in the order of their numbers; IAM's have `member` between. */
  forms(name: string): readonly Form[] {
    return this.#entries(name).map(
      ([number, value]) => new Form(value, `${this.#pathOf(name)}.${number}`),
    );
  }

  texts(name: string): readonly string[] {
    return this.#entries(name).flatMap(([, value]) => (typeof value === 'string' ? [value] : []));
  }

  #entries(name: string): readonly (readonly [number, FormTree])[] {
    const value = this.tree[name];
    if (typeof value !== 'object') return [];
    const list = typeof value['member'] === 'object' ? value['member'] : value;
    return Object.entries(list)
      .map(([number, entry]) => [Number(number), entry] as const)
      .filter(([number]) => Number.isInteger(number))
      .sort(([a], [b]) => a - b);
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function invalid(path: string, text: string, expected: string): Ec2Error {
  return new Ec2Error(
    'InvalidParameterValue',
    `Value (${text}) for parameter ${path} is invalid. Expected ${expected}.`,
  );
}

/** `Tag.1.Key=a&Tag.1.Value=b` as a record. */
export function tagsOf(form: Form, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    form.forms(name).map((tag) => [tag.text('Key'), tag.optional('Value') ?? '']),
  );
}
