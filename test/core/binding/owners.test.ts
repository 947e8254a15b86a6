/** How the pods stand that a node is held for. */
import t from 'tap';
import { type OwnerFacts, ownersOf } from '../../../core/binding/owners.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';
import { livePod } from '../../support/live-pods.ts';

const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
const pods = [
  livePod('here', { nodeName: 'node-1' }),
  livePod('done', { nodeName: 'node-1', status: { phase: 'Succeeded' } }),
  livePod('elsewhere', { nodeName: 'node-2' }),
  livePod('ended', { nodeName: '', status: { phase: 'Failed' } }),
  livePod('dying', { nodeName: '', deletionMs: 1_767_225_700_000 }),
  livePod('gated', { nodeName: '', spec: { schedulingGates: [{ name: 'wait' }] } }),
  livePod('doubled', { nodeName: '' }),
  livePod('answered', { nodeName: '' }),
  livePod('asked', { nodeName: '' }),
  livePod('waiting', { nodeName: '' }),
  livePod('volume', { nodeName: '', spec: { volumes } }),
  livePod('foreign', { nodeName: '', spec: { schedulerName: 'volcano' } }),
];
const byUid = new Map(pods.map((pod) => [pod.uid, pod]));

const facts: OwnerFacts = {
  nodeName: 'node-1',
  podByUid: (uid) => byUid.get(uid),
  goneAtMs: (uid) => (uid === 'uid-unseen' ? 1_000 : 0),
  nowMs: 999,
  answered: new Set(['uid-answered', 'uid-here']),
  asked: new Set(['uid-asked', 'uid-answered']),
  claimOf: (uid) => (uid === 'uid-doubled' ? 'older' : 'claim'),
  claimName: 'claim',
  bind: 'default',
  schedulerName: 'ours',
};

function standings(over: Partial<OwnerFacts> = {}): Record<string, string> {
  return Object.fromEntries(
    ownersOf([...byUid.keys(), 'uid-unknown', 'uid-unseen'], { ...facts, ...over }).map((owner) => [
      owner.uid.replace('uid-', ''),
      `${owner.standing}${'reason' in owner ? ` ${owner.reason}` : ''}${'isAsked' in owner && owner.isAsked ? ' asked' : ''}`,
    ]),
  );
}

t.test('every owner has one standing', async (t) => {
  t.strictSame(standings(), {
    here: 'here',
    done: 'here',
    elsewhere: 'lost elsewhere',
    ended: 'lost ended',
    dying: 'lost terminating',
    gated: 'released gated',
    doubled: 'released claimed',
    answered: 'answered',
    asked: 'waiting asked',
    waiting: 'waiting',
    volume: 'left',
    foreign: 'left',
    unknown: 'lost gone',
    unseen: 'unseen',
  });
});

t.test('a pod that our watch has not told of is gone after a while', async (t) => {
  t.match(standings({ nowMs: 1_000 }), { unseen: 'lost gone' });
});

t.test('what we do not bind is left to its scheduler', async (t) => {
  t.match(standings({ bind: 'none' }), { waiting: 'left', foreign: 'left' });
  t.match(standings({ bind: 'own' }), { waiting: 'left' });
});

t.test('a pod whose claim is not known as held belongs to this one', async (t) => {
  t.match(standings({ claimOf: () => undefined }), { doubled: 'waiting' });
});

t.test('owners come by priority, then age, then name', async (t) => {
  const of = (name: string, priority: number, createdMs: number): [string, LivePod] => {
    const pod = livePod(name, { nodeName: '', spec: { priority } });
    return [pod.uid, { ...pod, createdMs }];
  };
  const some = new Map([of('young', 0, 9), of('b', 0, 5), of('a', 0, 5), of('high', 10, 20)]);
  const sorted = ownersOf(['gone', ...some.keys()], { ...facts, podByUid: (uid) => some.get(uid) });
  t.strictSame(
    sorted.map(({ uid }) => uid),
    ['uid-high', 'uid-a', 'uid-b', 'uid-young', 'gone'],
  );
});
