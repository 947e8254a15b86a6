/**
 * When a NodeClaim that makes no progress is given up.
 *
 * In: a claim, two timeouts, the time. Out: that it is to go and why, or when to look again, or
 * nothing where no timeout applies. A claim whose node has registered is never given up here: how
 * long initialization may take nobody can know.
 */
import { conditionOf, isTrue } from '../api/conditions.ts';
import type { NodeClaim } from '../api/nodeclaim.ts';

export interface LivenessTimeouts {
  /** From creation to Launched. */
  readonly launchTimeoutMs: number;
  /** From Launched to Registered. */
  readonly registrationTimeoutMs: number;
}

export type Liveness =
  | {
      readonly state: 'expired';
      readonly reason: 'LaunchTimeout' | 'RegistrationTimeout';
      readonly message: string;
    }
  | { readonly state: 'waiting'; readonly againAfterMs: number };

/** Undefined once registered. */
export function livenessOf(
  claim: NodeClaim,
  { launchTimeoutMs, registrationTimeoutMs }: LivenessTimeouts,
  nowMs: number,
): Liveness | undefined {
  if (isTrue(claim, 'Registered')) return undefined;
  const createdMs = Date.parse(claim.metadata.creationTimestamp ?? '');
  const launched = conditionOf(claim, 'Launched');
  const isLaunched = launched?.status === 'True';
  const launchedMs = Date.parse(launched?.lastTransitionTime ?? '');
  const sinceMs = isLaunched && !Number.isNaN(launchedMs) ? launchedMs : createdMs;
  const timeoutMs = isLaunched ? registrationTimeoutMs : launchTimeoutMs;
  const leftMs = sinceMs + timeoutMs - nowMs;
  if (leftMs > 0) return { state: 'waiting', againAfterMs: leftMs };
  const seconds = Math.round(timeoutMs / 1_000);
  return isLaunched
    ? {
        state: 'expired',
        reason: 'RegistrationTimeout',
        message: `its node did not register within ${seconds} s of the launch`,
      }
    : {
        state: 'expired',
        reason: 'LaunchTimeout',
        message: `no instance was launched within ${seconds} s: ${launched?.message || 'no answer'}`,
      };
}
