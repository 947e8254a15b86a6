/**
 * What an election is told to the outside: the metric, the log, and who leads now.
 *
 * In: the news of one replica's election. Out: `leader_election_master_status`, log lines, the name
 * of the leader for `explain` and the dashboard. It decides nothing.
 */
import type { Logger } from 'pino';
import type { Metrics } from '../metrics.ts';
import type { ElectionObserver } from './lease.ts';

export interface ElectionNewsOptions {
  readonly metrics: { readonly cluster: Pick<Metrics['cluster'], 'isLeader'> };
  readonly log: Logger;
  readonly identity: string;
  readonly leaseName: string;
}

export interface ElectionNews {
  readonly observer: ElectionObserver;
  /** The leader as last seen; '' while nobody is known to lead. */
  readonly leader: string;
  /** Whether this replica leads. */
  readonly isLeading: boolean;
}

export function createElectionNews(options: ElectionNewsOptions): ElectionNews {
  const { log, identity, leaseName } = options;
  let leader = '';
  let isLeading = false;

  function tell(leads: boolean): void {
    isLeading = leads;
    options.metrics.cluster.isLeader.set({ name: leaseName }, leads ? 1 : 0);
  }

  tell(false);
  return {
    get leader() {
      return isLeading ? identity : leader;
    },
    get isLeading() {
      return isLeading;
    },
    observer: {
      holder: (holder, isSelf) => {
        leader = holder.identity;
        if (!isSelf) log.info({ leader, transitions: holder.transitions }, 'the Lease is held');
      },
      leading: () => {
        tell(true);
        log.info({ identity }, 'this replica leads');
      },
      ended: (why) => {
        tell(false);
        leader = '';
        log[why === 'lost' ? 'warn' : 'info']({ identity, why }, 'this replica leads no more');
      },
      failed: (during, error) =>
        log.warn({ during, err: error }, 'a call about the Lease has failed'),
    },
  };
}
