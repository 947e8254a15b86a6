// Which instances and which NodeClaims nobody wants any more.

import t from 'tap';
import type { CloudInstance, InstanceState } from '../../../core/cloud-port.ts';
import {
  instanceStanding,
  isOrphan,
  orphanGraceMs,
  visibilityGraceMs,
} from '../../../core/lifecycle/garbage.ts';
import { liveClaim } from '../../support/claim-world.ts';

const { uid } = liveClaim().metadata;
const launchedMs = Date.parse('2026-01-01T00:00:00Z');
const lateMs = launchedMs + 600_000;
const providerID = 'aws:///us-east-1a/i-1';
const nobody = new Set<string>();

function instance(state: InstanceState = 'running', tags = { 'stowage.dev/nodeclaim-uid': uid }) {
  const made: CloudInstance = {
    providerID,
    instanceType: 'm7i.large',
    zone: 'us-east-1a',
    capacityType: 'spot',
    state,
    imageId: 'ami-1',
    priceNanoUsdPerHour: 1,
    launchedMs,
    tags,
  };
  return made;
}

function launched(own: string | undefined = providerID) {
  const lastTransitionTime = '2026-01-01T00:00:01Z';
  return liveClaim(
    {},
    {
      ...(own === undefined ? {} : { providerID: own }),
      conditions: [{ type: 'Launched', status: 'True', lastTransitionTime }],
    },
  );
}

t.test(
  'an instance is an orphan without claim, with one of another life, or as a second',
  async (t) => {
    t.ok(isOrphan(instance(), undefined, lateMs, nobody));
    const again = launched();
    t.ok(
      isOrphan(instance('running', { 'stowage.dev/nodeclaim-uid': 'old' }), again, lateMs, nobody),
    );
    t.ok(isOrphan(instance(), launched('aws:///us-east-1a/i-2'), lateMs, nobody));
  },
);

t.test(
  'it is none with its claim, in its grace, when it ends anyway, or if it is not ours',
  async (t) => {
    t.notOk(isOrphan(instance(), launched(), lateMs, nobody));
    t.notOk(isOrphan(instance(), liveClaim(), lateMs, nobody), 'the claim will hear of it');
    t.notOk(isOrphan(instance(), undefined, launchedMs + orphanGraceMs - 1, nobody));
    t.notOk(isOrphan(instance('shutting-down'), undefined, lateMs, nobody));
    const theirs = { ...instance(), tags: { 'karpenter.sh/nodeclaim': 'a' } };
    t.notOk(isOrphan(theirs, undefined, lateMs, nobody));
  },
);

t.test('an instance that ends is believed at once, one that is missing only later', async (t) => {
  for (const state of ['shutting-down', 'stopping', 'stopped', 'terminated'] as const) {
    t.equal(instanceStanding(launched(), instance(state), true, launchedMs), 'ended', state);
  }
  for (const state of ['pending', 'running'] as const) {
    t.equal(instanceStanding(launched(), instance(state), false, lateMs), 'present');
  }
  t.equal(instanceStanding(launched(), undefined, false, lateMs), 'missing');
  t.equal(instanceStanding(launched(), undefined, true, lateMs), 'present', 'its node is Ready');
  const earlyMs = launchedMs + visibilityGraceMs;
  t.equal(instanceStanding(launched(), undefined, false, earlyMs), 'present', 'reads lag');
  t.equal(instanceStanding(liveClaim(), undefined, false, lateMs), 'present', 'not launched');
});
