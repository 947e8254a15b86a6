/**
 * What can be set of the service, with its defaults.
 *
 * In: nothing. Out: the settings that controllers read. Options of the command line are turned into
 * them in one place (`cli/serve-command.ts`); bounds that nobody needs to set stay with the code that
 * they bound.
 */
import type { BindMode } from '../core/binding/whose-pods.ts';

export type { BindMode };

export interface ServiceSettings {
  readonly clusterName: string;
  /** Name of this replica in Leases and Events. */
  readonly identity: string;
  /** Where the Lease is. */
  readonly namespace: string;
  readonly leaseName: string;
  /** Without election this replica leads at once: for a single replica and for the simulation. */
  readonly leaderElection: boolean;
  /** Whose pods are bound to the nodes launched for them (design section 7). */
  readonly bind: BindMode;
  /** Name of our scheduler profile: its pods are ours in every mode but `none`. */
  readonly schedulerName: string;
  /** The window closes when no pod has come for so long ... */
  readonly batchIdleMs: number;
  /** ... and at the latest so long after the first. */
  readonly batchMaxMs: number;
  readonly solveTimeLimitMs: number;
  /** A plan proven to be this close to the optimum is good enough. */
  readonly solveGap: number;
  readonly solverThreads: number;
  readonly seed: number;
  readonly master: 'glpk' | 'highs';
  readonly nodeCostNano: number;
  /** Share of its price that the risk of losing a spot instance is held to cost. */
  readonly spotPremium: number;
  /** Share of its price that waiting for bare metal (5 to 8 minutes to boot) is held to cost. */
  readonly bareMetalPremium: number;
  /** How long a node is held for its pods once it has registered. */
  readonly reservationMs: number;
  /** A NodeClaim without instance is given up after this (Karpenter: 5 minutes). */
  readonly launchTimeoutMs: number;
  /** A launched NodeClaim whose node has not registered is given up after this (15 minutes). */
  readonly registrationTimeoutMs: number;
  /** Karpenter's Lease is held: pools of its group are left alone. */
  readonly sideBySide: 'auto' | 'replace';
}

const second = 1_000;
const minute = 60 * second;

export const defaultSettings: ServiceSettings = {
  clusterName: 'default',
  identity: 'stowage',
  namespace: 'stowage-system',
  leaseName: 'stowage-leader',
  leaderElection: true,
  bind: 'default',
  schedulerName: 'stowage',
  batchIdleMs: 100,
  batchMaxMs: second,
  solveTimeLimitMs: second / 2,
  solveGap: 0.01,
  solverThreads: 1,
  seed: 1,
  master: 'glpk',
  nodeCostNano: 0,
  spotPremium: 0.1,
  bareMetalPremium: 0.1,
  reservationMs: 2 * minute,
  launchTimeoutMs: 5 * minute,
  registrationTimeoutMs: 15 * minute,
  sideBySide: 'auto',
};
