/** What is done next about a held node: one case for every turn of the way. */
import t from 'tap';
import {
  bindMarginMs,
  fenceMarginMs,
  type HeldNode,
  nextStep,
} from '../../../core/binding/next-step.ts';
import type { Owner } from '../../../core/binding/owners.ts';
import type { Fence } from '../../../core/scheduling/reservation.ts';
import type { LivePod } from '../../../core/state/live-pod.ts';

const nowMs = 1_000_000;
const holdMs = 120_000;
const expiresAtMs = nowMs + 60_000;
const pod = {} as LivePod;
const reserved = { key: 'stowage.dev/reserved', effect: 'NoSchedule' } as const;
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

const here: Owner = { uid: 'here', standing: 'here', pod };
const gone: Owner = { uid: 'gone', standing: 'lost', reason: 'gone', pod: undefined };
const answered: Owner = { uid: 'answered', standing: 'answered', pod };
const waiting: Owner = { uid: 'waiting', standing: 'waiting', pod, isAsked: false };
const asked: Owner = { uid: 'asked', standing: 'waiting', pod, isAsked: true };
const left: Owner = { uid: 'left', standing: 'left', pod };
const gated: Owner = { uid: 'gated', standing: 'released', reason: 'gated', pod, why: '' };

function nodeWith(...taints: (typeof reserved | typeof notReady)[]) {
  return { metadata: { name: 'n' }, spec: { taints } };
}

function held(owners: readonly Owner[], over: Partial<HeldNode> & { fence?: Fence } = {}) {
  const { fence = 'binding', ...rest } = over;
  const uids = new Set(owners.map(({ uid }) => uid));
  return {
    isRegistered: true,
    isInitialized: true,
    reservation: { owners: uids, expiresAtMs, fence },
    node: nodeWith(reserved),
    owners,
    locksOutDaemons: false,
    missingDevices: [],
    ...rest,
  } satisfies HeldNode;
}

function step(node: HeldNode, atMs = nowMs) {
  return nextStep(node, atMs, holdMs);
}

t.test('owners are bound as soon as the node is initialized, and not before', async (t) => {
  t.strictSame(step(held([waiting])), { type: 'bind', quietMs: 0 });
  const wait = { type: 'wait', untilMs: expiresAtMs };
  t.strictSame(step(held([waiting], { isInitialized: false })), wait);
  t.strictSame(step(held([waiting], { isRegistered: false, isInitialized: false })), wait);
  t.strictSame(step(held([waiting], { node: undefined })), wait);
  const shaken = { node: nodeWith(reserved, notReady) };
  t.strictSame(step(held([waiting], shaken)), wait, 'a node that is unready again is waited for');
});

t.test('the node opens when our watch has told of every bind, a margin later', async (t) => {
  t.strictSame(step(held([here, answered])), { type: 'wait' });
  t.strictSame(step(held([here])), { type: 'end', quietMs: bindMarginMs, hasExpired: false });
  t.strictSame(step(held([here, gone])), { type: 'end', quietMs: bindMarginMs, hasExpired: false });
});

t.test('a node whose pods are all gone opens at once, registered or not', async (t) => {
  const end = { type: 'end', quietMs: 0, hasExpired: false };
  t.strictSame(step(held([gone])), end);
  t.strictSame(step(held([])), end);
  t.strictSame(step(held([gone], { isRegistered: false, node: undefined })), end);
});

t.test('an owner that our watch may still tell of is waited for', async (t) => {
  const unseen: Owner = { uid: 'unseen', standing: 'unseen', pod: undefined, goneAtMs: nowMs + 9 };
  const wait = { type: 'wait', untilMs: nowMs + 9 };
  t.strictSame(step(held([here, unseen])), wait);
  t.strictSame(step(held([unseen], { isInitialized: false })), wait);
  t.strictSame(step(held([unseen], { isRegistered: false, node: undefined })), wait);
  t.strictSame(step(held([waiting, unseen])), { type: 'bind', quietMs: 0 });
  t.match(step(held([unseen]), expiresAtMs), { type: 'end', hasExpired: true });
});

t.test('what a crash leaves after the taint went is ended without a wait', async (t) => {
  const open = { node: nodeWith() };
  t.strictSame(step(held([here], open)), { type: 'end', quietMs: 0, hasExpired: false });
});

t.test('a reserved taint without reservation goes once the node is registered', async (t) => {
  const stray = { reservation: undefined };
  t.strictSame(step(held([], stray)), { type: 'unfence', quietMs: 0 });
  t.strictSame(step(held([], { ...stray, isRegistered: false })), { type: 'wait' });
  t.strictSame(step(held([], { ...stray, node: nodeWith() })), { type: 'wait' });
});

t.test('from registration on a reservation lasts no longer than it may', async (t) => {
  const long = {
    owners: new Set(['waiting']),
    expiresAtMs: nowMs + holdMs + 1,
    fence: 'binding' as const,
  };
  t.strictSame(step(held([waiting], { reservation: long, isInitialized: false })), {
    type: 'rewrite',
    reservation: { ...long, expiresAtMs: nowMs + holdMs },
    released: [],
  });
  const booting = { reservation: long, isRegistered: false, isInitialized: false };
  t.strictSame(step(held([waiting], booting)), { type: 'wait', untilMs: long.expiresAtMs });
});

t.test('owners that are let go are written off first', async (t) => {
  t.match(step(held([waiting, gated])), {
    type: 'rewrite',
    reservation: { owners: new Set(['waiting']), expiresAtMs, fence: 'binding' },
    released: [gated],
  });
});

t.test('an expired reservation ends, whoever still waits', async (t) => {
  const end = { type: 'end', quietMs: 0, hasExpired: true };
  t.strictSame(step(held([waiting, left]), expiresAtMs), end);
  t.strictSame(step(held([waiting], { isInitialized: false }), expiresAtMs), end);
  t.strictSame(step(held([waiting], { isRegistered: false }), expiresAtMs), end);
});

t.test('it does not end before it is known what became of binds', async (t) => {
  t.strictSame(step(held([answered, left]), expiresAtMs), { type: 'wait' });
  t.strictSame(step(held([asked, left]), expiresAtMs), { type: 'bind', quietMs: 0 });
  const shaken = { node: nodeWith(reserved, notReady) };
  t.strictSame(step(held([asked], shaken), expiresAtMs), { type: 'bind', quietMs: 0 });
  const open = { node: nodeWith() };
  t.match(step(held([asked], open), expiresAtMs), { type: 'end', hasExpired: true });
});

t.test('while devices are missing the taint is off if it keeps a DaemonSet out', async (t) => {
  const booting = { fence: 'devices', isInitialized: false, missingDevices: ['gpu'] } as const;
  const locked = held([waiting], { ...booting, locksOutDaemons: true });
  t.strictSame(step(locked), { type: 'unfence', quietMs: 0 });
  const wait = { type: 'wait', untilMs: expiresAtMs };
  t.strictSame(step({ ...locked, node: nodeWith() }), wait);
  t.strictSame(step(held([waiting], booting)), wait, 'tolerated by all: it stays');
});

t.test('when devices are there the taint is back on for the binding only', async (t) => {
  const ready = { fence: 'devices', locksOutDaemons: true } as const;
  t.strictSame(step(held([waiting], { ...ready, node: nodeWith() })), { type: 'fence' });
  t.strictSame(step(held([waiting], ready)), { type: 'bind', quietMs: fenceMarginMs });
  t.match(step(held([here], ready)), { type: 'end' });
});

t.test('pods that only kube-scheduler can place get in after those that we bind', async (t) => {
  const claims = { fence: 'claims' } as const;
  t.strictSame(step(held([waiting, left], claims)), { type: 'bind', quietMs: fenceMarginMs });
  t.strictSame(step(held([answered, left], claims)), { type: 'wait' });
  t.strictSame(step(held([here, left], claims)), { type: 'unfence', quietMs: bindMarginMs });
  t.strictSame(step(held([left], claims)), { type: 'unfence', quietMs: 0 });
  const open = { ...claims, node: nodeWith() };
  t.strictSame(step(held([here, left], open)), { type: 'wait', untilMs: expiresAtMs });
  t.match(step(held([here], open)), { type: 'end' });
});

t.test('an owner that comes when the node is open is left to kube-scheduler', async (t) => {
  const open = { node: nodeWith() };
  t.strictSame(step(held([here, waiting], open)), { type: 'wait', untilMs: expiresAtMs });
});
