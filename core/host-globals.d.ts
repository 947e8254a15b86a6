/**
 * What core may know of the machine it runs on: nothing but the name of the abort signal that it
 * hands on. core is checked without the types of Node (see tsconfig.json beside this file).
 */
declare interface AbortSignal {
  readonly aborted: boolean;
}
