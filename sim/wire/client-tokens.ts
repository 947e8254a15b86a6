/**
 * Idempotency by client token.
 *
 * In: an action's token, the request's text, how to carry it out. Out: the first answer again for the
 * same token and text; other words under a known token are a mistake. Remembered for a day.
 */
import type { Clock } from '../../core/ports.ts';
import { Ec2Error } from '../ec2-types.ts';

const lifeMs = 24 * 3_600_000;

export interface ClientTokens {
  /** @throws Ec2Error `IdempotentParameterMismatch` */
  answer<T extends object>(
    action: string,
    token: string | undefined,
    request: object,
    make: () => T,
  ): T;
}

export function createClientTokens(clock: Clock): ClientTokens {
  const known = new Map<string, { readonly text: string; readonly answer: object }>();
  return {
    answer: <T extends object>(
      action: string,
      token: string | undefined,
      request: object,
      make: () => T,
    ): T => {
      if (token === undefined || token === '') return make();
      const key = `${action}/${token}`;
      const text = JSON.stringify(request);
      const before = known.get(key);
      if (before === undefined) {
        const answer = make();
        known.set(key, { text, answer });
        clock.schedule(lifeMs, () => known.delete(key));
        return answer;
      }
      if (before.text === text) return before.answer as T;
      throw new Ec2Error(
        'IdempotentParameterMismatch',
        `The client token ${token} was used before with other parameters.`,
      );
    },
  };
}
