/**
 * How the launches of each NodePool end, as they end.
 *
 * In: NodeClaims as they change. Out: the last outcomes by pool. A claim whose node registers is a
 * success; one that is deleted after its timeout is a failure; one that somebody deletes before, or
 * that found no capacity, says nothing. Four outcomes a pool.
 */
import { isTrue } from '../../../core/api/conditions.ts';
import type { Live } from '../../../core/api/kinds.ts';
import { labelNodePool } from '../../../core/api/labels.ts';
import type { NodePool } from '../../../core/api/nodepool.ts';
import { livenessOf } from '../../../core/lifecycle/liveness.ts';
import {
  outcomesBefore,
  type RegistrationOutcomes,
  withOutcome,
} from '../../../core/nodepool-status/registration-health.ts';
import type { ViewChange } from '../../../core/state/view.ts';
import type { ControllerContext } from '../context.ts';

export class PoolOutcomes {
  readonly #context: Pick<ControllerContext, 'settings' | 'clock' | 'view'>;
  readonly #outcomes = new Map<string, RegistrationOutcomes>();

  constructor(context: Pick<ControllerContext, 'settings' | 'clock' | 'view'>) {
    this.#context = context;
  }

  of(pool: NodePool): RegistrationOutcomes {
    const { name = '' } = pool.metadata;
    const known = this.#outcomes.get(name) ?? outcomesBefore(pool);
    this.#outcomes.set(name, known);
    return known;
  }

  /** The pool, or its node class, is another now. */
  reset(name: string): void {
    this.#outcomes.set(name, []);
  }

  /** The pool is gone. */
  forget(name: string): void {
    this.#outcomes.delete(name);
  }

  /** Takes in a change of a claim. */
  note({ type, object, previous }: ViewChange<'NodeClaim'>): void {
    const outcome = this.#outcomeOf(type === 'deleted' ? undefined : object, previous);
    const name = object.metadata.labels?.[labelNodePool] ?? '';
    const pool = this.#context.view.get('NodePool', { name });
    if (outcome === undefined || pool === undefined) return;
    this.#outcomes.set(name, withOutcome(this.of(pool), outcome));
  }

  #outcomeOf(
    now: Live<'NodeClaim'> | undefined,
    before: Live<'NodeClaim'> | undefined,
  ): boolean | undefined {
    if (before === undefined || isTrue(before, 'Registered')) return undefined;
    if (now !== undefined && isTrue(now, 'Registered')) return true;
    const isLeaving = now === undefined || now.metadata.deletionTimestamp !== undefined;
    if (!isLeaving || before.metadata.deletionTimestamp !== undefined) return undefined;
    const { settings, clock } = this.#context;
    const liveness = livenessOf(before, settings, clock.nowMs());
    return liveness?.state === 'expired' ? false : undefined;
  }
}
