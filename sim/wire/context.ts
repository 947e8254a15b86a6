/**
 * What the handlers of the wire front share.
 *
 * In: the engine, the account, the clock. Out: the shapes of handlers. An answer is a plain value in
 * the service's own words; an error is an `Ec2Error`, whatever the service. How both look on the wire
 * is the server's.
 */
import type { Catalogue } from '../../catalogue/loader.ts';
import type { Clock } from '../../core/ports.ts';
import type { Ec2Engine } from '../ec2-engine.ts';
import type { SeededRandom } from '../random.ts';
import type { Account } from './account.ts';
import type { ClientTokens } from './client-tokens.ts';
import type { Form } from './form.ts';
import type { InstanceHealth } from './instance-health.ts';
import type { XmlValue } from './xml.ts';

export interface WireContext {
  readonly clock: Clock;
  readonly engine: Ec2Engine;
  readonly account: Account;
  readonly catalogue: Catalogue;
  readonly random: SeededRandom;
  readonly tokens: ClientTokens;
  readonly health: InstanceHealth;
  /** As the caller reaches it. */
  endpoint(): string;
  /** How long a new thing stays unseen; 0 where the engine is consistent. */
  lagMs(): number;
  /** Ends a trial call. @throws Ec2Error `DryRunOperation` if the request is one */
  dryRun(request: Form): void;
}

/** An action of a query protocol. @throws Ec2Error */
export type QueryHandler = (
  context: WireContext,
  request: Form,
) => { readonly [name: string]: XmlValue };

export type Json = Readonly<Record<string, unknown>>;

/** An action of a JSON protocol. @throws Ec2Error */
export type JsonHandler = (context: WireContext, request: Json) => Json | Promise<Json>;

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** An id as EC2 makes them: a prefix and 17 hex digits. */
export function newId(random: SeededRandom, prefix: string): string {
  return `${prefix}-${random.uuid().replaceAll('-', '').slice(0, 17)}`;
}
