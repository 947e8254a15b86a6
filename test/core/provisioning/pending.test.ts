// Which unbound pods are planned for, and why the others are not.

import t from 'tap';
import type { PodStatus } from '../../../core/api/kubernetes.ts';
import { type StandingFacts, standingOfPod } from '../../../core/provisioning/pending.ts';
import { type LivePodOptions, livePod } from '../../support/live-pods.ts';

const nothing: StandingFacts = { claimOf: () => undefined, nodeExists: () => false };
const tried = (reason: string): PodStatus => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason }],
});

function standing(options: LivePodOptions, facts: Partial<StandingFacts> = {}): string {
  const { kind, ...rest } = standingOfPod(livePod('a', { nodeName: '', ...options }), {
    ...nothing,
    ...facts,
  });
  return 'reason' in rest ? `${kind}: ${rest.reason}` : kind;
}

t.test('a pod that its scheduler could not place is planned for', async (t) => {
  t.equal(standing({ status: tried('Unschedulable') }), 'plan');
  t.equal(standing({ status: tried('SchedulerError') }), 'plan');
  t.equal(standing({ status: tried('Unschedulable'), owner: '' }), 'plan', 'a pod without owner');
});

t.test('a pod that its scheduler has not looked at yet waits', async (t) => {
  t.match(standing({ status: { phase: 'Pending' } }), /^wait: its scheduler has not tried it yet/);
  t.match(standing({ status: tried('SomethingElse') }), /^wait: its scheduler has not tried/);
});

t.test('gates hold a pod back, whatever its condition says', async (t) => {
  const spec = { schedulingGates: [{ name: 'later' }] };
  t.match(standing({ spec, status: tried('SchedulingGated') }), /^wait: is held back by .* gates/);
  t.match(standing({ spec, status: tried('Unschedulable') }), /^wait: is held back by .* gates/);
});

t.test(
  'a pod that waits for its victims is left to wait only while the node is there',
  async (t) => {
    const status = { ...tried('Unschedulable'), nominatedNodeName: 'node-7' };
    const isThere = (name: string): boolean => name === 'node-7';
    t.match(standing({ status }, { nodeExists: isThere }), /preempted pods to leave node-7$/);
    t.equal(standing({ status }), 'plan');
  },
);

t.test('pods of DaemonSets and static pods are nobody else to plan for', async (t) => {
  const status = tried('Unschedulable');
  t.match(standing({ owner: 'DaemonSet', status }), /^ignore: belongs to a DaemonSet/);
  t.match(standing({ owner: 'Node', status }), /^ignore: is a static pod/);
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  t.match(standing({ annotations, status }), /^ignore: is a static pod/);
});

t.test('a pod that has a claim waits for it, gated or not', async (t) => {
  const facts = { claimOf: (uid: string) => (uid === 'uid-a' ? 'general-abc' : undefined) };
  t.equal(
    standing({ status: tried('Unschedulable') }, facts),
    'wait: planned on NodeClaim general-abc',
  );
  t.equal(standing({}, facts), 'wait: planned on NodeClaim general-abc');
});
