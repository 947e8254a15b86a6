/** The metric, the log and the leader's name follow the election. */
import { pino } from 'pino';
import t from 'tap';
import { createElectionNews } from '../../../extender/leadership/election-news.ts';
import { createMetrics } from '../../../extender/metrics.ts';

t.test('who leads is told by metric, log and name', async (t) => {
  const metrics = createMetrics('test', { process: false });
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const news = createElectionNews({ metrics, log, identity: 'a', leaseName: 'stowage-leader' });
  const metric = async () => (await metrics.cluster.isLeader.get()).values;
  const holder = { identity: 'b', acquiredMs: 0, renewedMs: 0, durationMs: 0, transitions: 3 };
  t.match(await metric(), [{ value: 0, labels: { name: 'stowage-leader' } }]);
  news.observer.holder?.(holder, false);
  t.match(news, { leader: 'b', isLeading: false });
  news.observer.leading?.();
  t.match(news, { leader: 'a', isLeading: true });
  t.match(await metric(), [{ value: 1 }]);
  news.observer.failed?.('renew', new Error('no answer'));
  news.observer.ended?.('lost');
  t.match(news, { leader: '', isLeading: false });
  t.match(await metric(), [{ value: 0 }]);
  t.match(
    lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg),
    [
      'the Lease is held',
      'this replica leads',
      'a call about the Lease has failed',
      'this replica leads no more',
    ],
  );
});
