// NodeClaims that have lived for their expireAfter.

import t from 'tap';
import { claimControllers, claimWorld, draftClaim } from '../../../support/claim-world.ts';
import { startControllers } from '../../../support/controller-fixture.ts';

const minute = 60_000;

t.test('a claim ends when it is as old as it says, with its node and its instance', async (t) => {
  const w = claimWorld('expiry');
  const process = await startControllers(w, 'one', { start: claimControllers });
  for (const [name, expireAfter] of [
    ['short', '10m'],
    ['long', '2h'],
    ['endless', 'Never'],
  ] as const) {
    w.cluster.create('NodeClaim', draftClaim(name, { spec: { expireAfter } }));
  }
  await w.clock.advance(10 * minute - 5_000);
  t.equal(w.claim('short')?.metadata.deletionTimestamp, undefined);
  await w.clock.advance(3 * minute);
  t.equal(w.claim('short'), undefined);
  t.match(process.events, [
    { kind: 'NodeClaim', name: 'short', type: 'Normal', reason: 'Expired', message: /of 10m$/ },
  ]);
  t.equal(w.living(), 2);
  t.equal(w.cluster.count('Node'), 2);
  await w.clock.advance(120 * minute);
  t.strictSame(
    [...w.cluster.all('NodeClaim')].map(({ metadata }) => metadata.name),
    ['endless'],
  );
  const text = await process.context.metrics.registry.metrics();
  t.match(text, /nodeclaims_disrupted_total\{reason="expired",nodepool="general".*\} 2/);
});

t.test('what expired while nobody looked ends when somebody does', async (t) => {
  const w = claimWorld('late');
  const first = await startControllers(w, 'one', { start: claimControllers });
  w.cluster.create('NodeClaim', draftClaim('a', { spec: { expireAfter: '5m' } }));
  await w.clock.advance(2 * minute);
  first.stop();
  await w.clock.advance(60 * minute);
  t.equal(w.claim('a')?.metadata.deletionTimestamp, undefined);
  await startControllers(w, 'two', { start: claimControllers });
  await w.clock.advance(3 * minute);
  t.equal(w.claim('a'), undefined);
});
