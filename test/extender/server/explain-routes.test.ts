/** The routes behind `stowage explain`. */
import t from 'tap';
import { startExplainServer } from '../../support/explain-server.ts';
import { http1Caller } from '../../support/http-calls.ts';

t.test('pods and nodes are explained as JSON, with who answers', async (t) => {
  const caller = http1Caller(await startExplainServer(t, true));
  t.teardown(() => caller.close());
  const pod = await caller.get('/api/v1/explain/pod/shop/web-0');
  t.equal(pod.status, 200);
  t.match(pod.headers['content-type'], /^application\/json/);
  t.equal(pod.headers['cache-control'], 'no-store');
  t.match(JSON.parse(pod.body), {
    kind: 'Pod',
    state: 'planned',
    claim: { name: 'general-x7k2p', usdPerHour: 0.041 },
    plan: { lowerBoundUsdPerHour: 0.495 },
    replica: { identity: 'a', isLeader: true, leader: 'a', karpenterLeads: false },
  });
  const node = await caller.get('/api/v1/explain/node/general-x7k2p');
  t.match(JSON.parse(node.body), { kind: 'Node', pods: ['shop/web-0'], podCount: 1 });
});

t.test('what is not there is a 404 that says so', async (t) => {
  const caller = http1Caller(await startExplainServer(t, true));
  t.teardown(() => caller.close());
  const pod = await caller.get('/api/v1/explain/pod/shop/gone');
  t.equal(pod.status, 404);
  t.match(JSON.parse(pod.body), { error: 'there is no pod shop/gone', replica: {} });
  const node = await caller.get('/api/v1/explain/node/gone');
  t.match(JSON.parse(node.body), { error: 'there is neither a node nor a NodeClaim gone' });
  t.equal((await caller.get('/api/v1/explain/service/web')).status, 404);
});
