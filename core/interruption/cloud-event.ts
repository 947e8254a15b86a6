/**
 * What the cloud says will happen, or has happened, to instances.
 *
 * In: nothing. Out: types that every source of such news is turned into (a queue's messages, a poll
 * of instance status), and what each kind means for a node. Names of kinds are Karpenter's, because
 * they are values of its metrics.
 */

/**
 * - `spot_interrupted`: spot takes the instance back two minutes after the warning.
 * - `rebalance_recommendation`: spot may take it back soon, or never.
 * - `scheduled_change`: maintenance, a reboot or a retirement at a known time.
 * - `instance_stopped`, `instance_terminated`: its end has begun, whoever asked for it.
 * - `instance_unhealthy`: status checks have failed for a while.
 * - `capacity_reservation_interrupted`: a reservation's owner takes one instance back.
 * - `capacity_block_expiring`: a whole reservation ends, with all its instances.
 */
export const interruptionKinds = [
  'spot_interrupted',
  'rebalance_recommendation',
  'scheduled_change',
  'instance_stopped',
  'instance_terminated',
  'instance_unhealthy',
  'capacity_reservation_interrupted',
  'capacity_block_expiring',
] as const;
export type InterruptionKind = (typeof interruptionKinds)[number];

export interface CloudEvent {
  readonly kind: InterruptionKind;
  /** `i-...`; may be empty where `reservationId` says whose instances are meant. */
  readonly instanceIds: readonly string[];
  readonly reservationId?: string;
  /** Wall clock from which the instances are gone or useless; undefined if nobody knows. */
  readonly endsMs: number | undefined;
  /** A sentence for people. */
  readonly message: string;
}

/** Why a kind of event is acted on in another way than by replacing the node first. */
export type Pressure =
  /** The instance is lost already: only its pods can still be helped. */
  | 'lost'
  /** It goes, but there is time to launch its replacement first. */
  | 'leaving'
  /** It may stay: it is given up only once something better is there. */
  | 'at-risk';

const pressures: Readonly<Record<InterruptionKind, Pressure>> = {
  spot_interrupted: 'leaving',
  rebalance_recommendation: 'at-risk',
  scheduled_change: 'leaving',
  instance_stopped: 'lost',
  instance_terminated: 'lost',
  instance_unhealthy: 'lost',
  capacity_reservation_interrupted: 'leaving',
  capacity_block_expiring: 'leaving',
};

export function pressureOf(kind: InterruptionKind): Pressure {
  return pressures[kind];
}
