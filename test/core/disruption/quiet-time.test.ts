// Since when a node has been left in peace.

import t from 'tap';
import type { NodeClaim, NodeClaimStatus } from '../../../core/api/nodeclaim.ts';
import type { Disruption, NodePool } from '../../../core/api/nodepool.ts';
import { consolidatableFromMs, disturbs } from '../../../core/disruption/quiet-time.ts';
import { livePod } from '../../support/live-pods.ts';

const nodeClassRef = { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'default' };
const startMs = Date.parse('2026-03-01T12:00:00Z');

function pool(disruption?: Disruption): NodePool {
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodePool',
    metadata: { name: 'general' },
    spec: {
      template: { spec: { requirements: [], nodeClassRef } },
      ...(disruption === undefined ? {} : { disruption }),
    },
  };
}

function claim(status: NodeClaimStatus = {}): NodeClaim {
  const lastTransitionTime = new Date(startMs).toISOString();
  return {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { name: 'a' },
    spec: { nodeClassRef, requirements: [] },
    status: {
      conditions: [{ type: 'Initialized', status: 'True', lastTransitionTime }],
      ...status,
    },
  };
}

t.test('quiet counts from the last pod event, and from initialization before any', async (t) => {
  const after = pool({ consolidateAfter: '30s' });
  t.equal(consolidatableFromMs(claim(), after), startMs + 30_000);
  const lastPodEventTime = '2026-03-01T12:10:00Z';
  t.equal(consolidatableFromMs(claim({ lastPodEventTime }), after), startMs + 630_000);
  const early = { lastPodEventTime: '2026-03-01T11:59:00Z' };
  t.equal(consolidatableFromMs(claim(early), after), startMs + 30_000);
  t.equal(consolidatableFromMs(claim(), pool()), startMs, 'no time is asked for by default');
});

t.test('a pool may forbid it, and a node that is not ready for use is not judged', async (t) => {
  t.equal(consolidatableFromMs(claim(), pool({ consolidateAfter: 'Never' })), undefined);
  t.equal(consolidatableFromMs(claim({ conditions: [] }), pool()), undefined);
  const conditions = [{ type: 'Initialized', status: 'Unknown' as const }];
  t.equal(consolidatableFromMs(claim({ conditions }), pool()), undefined);
});

t.test('coming, ending and going disturb; anything else does not', async (t) => {
  const running = livePod('a');
  const unbound = livePod('a', { nodeName: '' });
  const done = livePod('a', { status: { phase: 'Succeeded' } });
  const dying = livePod('a', { deletionMs: startMs });
  t.ok(disturbs('modified', running, unbound), 'bound');
  t.ok(disturbs('added', running, undefined), 'bound before anybody saw it');
  t.ok(disturbs('modified', done, running));
  t.ok(disturbs('modified', dying, running));
  t.ok(disturbs('deleted', running, running), 'taken away by force');
  t.notOk(disturbs('modified', livePod('a', { labels: { a: 'b' } }), running));
  t.notOk(disturbs('modified', dying, done));
  t.notOk(disturbs('deleted', dying, dying));
  t.notOk(disturbs('deleted', done, done));
  t.notOk(disturbs('added', unbound, undefined));
  t.notOk(disturbs('added', livePod('a', { owner: 'DaemonSet' }), undefined));
});
