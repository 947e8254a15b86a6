/** The verbs in a thread of their own, asked over a real socket. */
import t, { type Test } from 'tap';
import { InputError } from '../../../core/errors.ts';
import { type BindOutcome, ClusterError, type PodIdentity } from '../../../core/ports.ts';
import { startExtenderThread } from '../../../extender/composition/extender-thread.ts';
import { http1Caller } from '../../support/http-calls.ts';

const pod = { metadata: { namespace: 'default', name: 'p', uid: 'u-1' }, spec: { containers: [] } };

async function start(t: Test, bind: (pod: PodIdentity, node: string) => Promise<BindOutcome>) {
  const thread = await startExtenderThread({
    listen: { host: '127.0.0.1', port: 0 },
    binder: { bind },
    logLevel: 'silent',
    version: 'test',
  });
  const caller = http1Caller(thread.url);
  t.teardown(async () => {
    caller.close();
    await thread.close();
  });
  return { thread, caller };
}

const neverBinds = async (): Promise<BindOutcome> => {
  throw new Error('nothing is bound here');
};

async function filter(caller: ReturnType<typeof http1Caller>, names: readonly string[]) {
  const body = JSON.stringify({ Pod: pod, Nodes: null, NodeNames: names });
  const answer = await caller.post('/filter', body);
  return JSON.parse(answer.body) as {
    NodeNames: string[];
    FailedAndUnresolvableNodes: Record<string, string>;
  };
}

t.test('a node told to the thread is known to its verbs, until it is taken back', async (t) => {
  const { thread, caller } = await start(t, neverBinds);
  const reservation = {
    owners: new Set(['u-2']),
    expiresAtMs: Date.now() + 60_000,
    fence: 'binding' as const,
  };
  thread.nodes.put({ name: 'held', reservation, standing: undefined });
  await thread.metrics();
  const answer = await filter(caller, ['open', 'held']);
  t.strictSame(answer.NodeNames, ['open']);
  t.match(answer.FailedAndUnresolvableNodes['held'], /reserved by Stowage/);
  thread.nodes.delete('held');
  await thread.metrics();
  t.strictSame((await filter(caller, ['open', 'held'])).NodeNames, ['open', 'held']);
  thread.nodes.put({ name: 'held', reservation, standing: undefined });
  thread.nodes.delete('held');
  thread.nodes.put({ name: 'held', reservation, standing: undefined });
  await thread.metrics();
  t.strictSame(
    (await filter(caller, ['open', 'held'])).NodeNames,
    ['open'],
    'the last word counts',
  );
});

t.test('binds are carried out by the main thread, failures come back as messages', async (t) => {
  const asked: unknown[] = [];
  const { caller } = await start(t, async (identity, node) => {
    asked.push([identity, node]);
    if (node === 'broken') throw new ClusterError('Unavailable', 'no answer');
    return { outcome: 'bound' };
  });
  const body = { PodName: 'p', PodNamespace: 'default', PodUID: 'u-1', Node: 'n' };
  const bound = await caller.post('/bind', JSON.stringify(body));
  t.strictSame(JSON.parse(bound.body), { Error: '' });
  t.strictSame(asked, [[{ namespace: 'default', name: 'p', uid: 'u-1' }, 'n']]);
  const failed = await caller.post('/bind', JSON.stringify({ ...body, Node: 'broken' }));
  t.match(JSON.parse(failed.body), { Error: /Unavailable.*no answer/ });
});

t.test('its metrics are read from outside', async (t) => {
  const { thread, caller } = await start(t, neverBinds);
  await filter(caller, ['a', 'b', 'c']);
  t.match(await thread.metrics(), /stowage_extender_nodes_asked_total\{verb="filter"\} 3/);
});

t.test('wrong options are the caller’s to put right', async (t) => {
  const listen = { host: '192.0.2.1', port: 0 };
  const start = startExtenderThread({
    listen,
    binder: { bind: neverBinds },
    logLevel: 'silent',
    version: 'test',
  });
  await t.rejects(start, InputError);
});
