/**
 * The ways things go wrong, named by what the caller should do.
 *
 * A rejection (a pod that fits nowhere, a plan that fails its check) is a value, never one of
 * these. Foreign errors are turned into one of these once, at the border where they arrive.
 */

/** Where in the user's input something stands; every part that is known is given. */
export interface InputLocation {
  /** File name, or `-` for standard input. */
  readonly file?: string;
  /** 1-based document number within a multi-document YAML file. */
  readonly document?: number;
  /** `Kind namespace/name` of the object, as far as it is known. */
  readonly object?: string;
  /** Path of the field, as in `spec.containers[0].resources.requests.cpu`. */
  readonly field?: string;
}

/** The user's input is wrong. Show the message, change nothing, exit 1. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly location: InputLocation;

  constructor(location: InputLocation, message: string) {
    const where = [
      location.file,
      location.document === undefined ? undefined : `document ${location.document}`,
      location.object,
      location.field,
    ].filter((part) => part !== undefined);
    super(where.length === 0 ? message : `${where.join(': ')}: ${message}`);
    this.location = location;
  }
}

/** The solver got no processor time, or had too much to do: a fault outside. Do without, go on. */
export class OverloadError extends Error {
  override readonly name = 'OverloadError';
}

/** Something of ours is wrong: a bug. Record everything, launch nothing. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}
