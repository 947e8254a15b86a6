/**
 * What the bench of the verbs writes down.
 *
 * In: nothing. Out: types. Times are in milliseconds. The file is made by `extender.ts`; nothing in
 * it is typed by hand.
 */
import type { MachineDescription } from './machine.ts';
import type { resultFormat } from './result.ts';

export type Verb = 'filter' | 'prioritize';
/** `node:http` is a server without a framework that shares our decisions: what fastify costs. */
export type Transport = 'http/1.1' | 'h2+mTLS' | 'node:http';
/** p50, p99, p99.9. */
export type Quantiles = readonly [number, number, number];

export interface VerbRecord {
  readonly verb: Verb;
  readonly transport: Transport;
  /** While the solver's threads are idle, or busy all the time. */
  readonly load: 'idle' | 'solve';
  readonly names: number;
  /** From the header to the end of the answer. */
  readonly serverMs: Quantiles;
  readonly clientMs: Quantiles;
  /** Processor time of the serving thread. */
  readonly cpuMsPerCall: number;
  readonly lagP99Ms: number;
}

export interface ExtenderFile {
  readonly format: typeof resultFormat;
  readonly kind: 'extender';
  readonly startedAt: string;
  readonly machine: MachineDescription;
  readonly load: readonly [number, number];
  readonly kubernetes: string;
  readonly calls: number;
  readonly inputs: readonly {
    readonly names: number;
    readonly bytes: number;
    /** First 16 hexadecimal digits of the SHA-256 of the request. */
    readonly hash: string;
  }[];
  readonly records: readonly VerbRecord[];
}
