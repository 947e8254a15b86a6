// The client's own behaviour: what it makes of answers, lost answers and broken streams.

import t from 'tap';
import { ClusterError } from '../../../../core/ports.ts';
import { type Answer, fakeServer, hangUp, json, pod, silence, status } from './fake-server.ts';

const name = { namespace: 'default', name: 'a' };
const identity = { ...name, uid: 'u' };

async function errorOf(call: Promise<unknown>): Promise<ClusterError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ClusterError) return error;
    throw error;
  }
  throw new Error('there was no error');
}

t.test(
  'every status has its code, and a write with a server fault may have happened',
  async (t) => {
    const cases: [Answer, string, boolean][] = [
      [status(400, 'BadRequest'), 'Invalid', false],
      [status(403, 'Forbidden'), 'Forbidden', false],
      [status(404, 'NotFound'), 'NotFound', false],
      [status(405, 'MethodNotAllowed'), 'Invalid', false],
      [status(409, 'AlreadyExists'), 'AlreadyExists', false],
      [status(409, 'Conflict'), 'Conflict', false],
      [status(410, 'Expired'), 'Expired', false],
      [status(422, 'Invalid'), 'Invalid', false],
      [status(422, 'Invalid', { causes: [{ field: 'metadata.uid' }] }), 'Conflict', false],
      [status(500, 'InternalError'), 'Unavailable', true],
      [status(503, 'ServiceUnavailable'), 'Unavailable', true],
      [status(504, 'Timeout'), 'Unavailable', true],
      [hangUp, 'Unavailable', true],
    ];
    for (const [answer, code, mayHaveHappened] of cases) {
      const { client, close, seen } = await fakeServer([answer]);
      const patch = { type: 'merge', body: { metadata: { labels: { a: 'b' } } } } as const;
      const error = await errorOf(client.patch('Pod', name, patch));
      t.strictSame([error.code, error.mayHaveHappened], [code, mayHaveHappened]);
      t.equal(seen.length, 1, 'not tried again');
      await close();
    }
  },
);

t.test('a refused connection has done nothing, and is tried again', async (t) => {
  const { client, close, waitsMs } = await fakeServer([silence]);
  await close();
  const error = await errorOf(client.create('Pod', { metadata: name, spec: { containers: [] } }));
  t.match(error, { code: 'Unavailable', mayHaveHappened: false });
  t.equal(waitsMs.length, 2);
});

t.test('reads are tried three times, with growing pauses', async (t) => {
  const down = status(503, 'ServiceUnavailable');
  const server = await fakeServer([down, hangUp, json(200, pod())]);
  const found = await server.client.get('Pod', name);
  t.equal(found?.metadata.uid, 'u');
  const metadata = found?.metadata as { readonly managedFields?: unknown } | undefined;
  t.equal(metadata?.managedFields, undefined, 'nobody reads them');
  t.strictSame(server.waitsMs, [150, 300]);
  await server.close();

  const broken = await fakeServer([down]);
  t.equal((await errorOf(broken.client.get('Pod', name))).code, 'Unavailable');
  t.equal(broken.seen.length, 3);
  await broken.close();
});

t.test('a write waits as the server asks, unless that is too long', async (t) => {
  const busy = (seconds: string) =>
    json(429, { reason: 'TooManyRequests' }, { 'Retry-After': seconds });
  const server = await fakeServer([busy('1'), json(201, pod())]);
  await server.client.create('Pod', { metadata: name, spec: { containers: [] } });
  t.strictSame(server.waitsMs, [1000]);
  await server.close();

  const patient = await fakeServer([busy('60')]);
  const error = await errorOf(patient.client.delete('Pod', name));
  t.match(error, { code: 'TooManyRequests', retryAfterMs: 60_000 });
  t.equal(patient.seen.length, 1);
  await patient.close();
});

t.test('requests have the form that the API server wants', async (t) => {
  const server = await fakeServer([json(200, pod())]);
  const { client, seen } = server;
  await client.patch(
    'Pod',
    name,
    { type: 'merge', body: { status: { phase: 'Running' } } },
    { subresource: 'status', resourceVersion: '7', uid: 'u', fieldManager: 'me' },
  );
  await client.patch(
    'Node',
    { name: 'n' },
    { type: 'json', operations: [{ op: 'remove', path: '/spec/taints/0' }] },
    { resourceVersion: '7' },
  );
  const claim = {
    apiVersion: 'karpenter.sh/v1',
    kind: 'NodeClaim',
    metadata: { name: 'c' },
  } as const;
  await client.apply('NodeClaim', claim, { fieldManager: 'me', force: true });
  await client.list('Pod', { labelSelector: 'a in (b,c)', limit: 5, continue: 'x/y' });
  await client.evict(identity, { gracePeriodSeconds: 5 });
  t.strictSame(
    seen.map(({ method, url, contentType }) => [method, url, contentType]),
    [
      [
        'PATCH',
        '/prefix/api/v1/namespaces/default/pods/a/status?fieldManager=me',
        'application/merge-patch+json',
      ],
      ['PATCH', '/prefix/api/v1/nodes/n?fieldManager=stowage', 'application/json-patch+json'],
      [
        'PATCH',
        '/prefix/apis/karpenter.sh/v1/nodeclaims/c?fieldManager=me&force=true',
        'application/apply-patch+yaml',
      ],
      [
        'GET',
        '/prefix/api/v1/pods?labelSelector=a%20in%20(b%2Cc)&limit=5&continue=x%2Fy',
        undefined,
      ],
      ['POST', '/prefix/api/v1/namespaces/default/pods/a/eviction', 'application/json'],
    ],
  );
  t.strictSame(seen[0]?.body, {
    status: { phase: 'Running' },
    metadata: { resourceVersion: '7', uid: 'u' },
  });
  t.strictSame(seen[1]?.body, [
    { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
    { op: 'remove', path: '/spec/taints/0' },
  ]);
  t.match(seen[4]?.body, {
    kind: 'Eviction',
    deleteOptions: { preconditions: { uid: 'u' }, gracePeriodSeconds: 5 },
  });
  await t.rejects(client.get('Pod', { name: 'a' }), TypeError, 'a namespace is needed');
  await server.close();
});

t.test('a bind without an answer is decided by the pod', async (t) => {
  const cases: [object, object][] = [
    [pod({ spec: { nodeName: 'n' } }), { outcome: 'bound' }],
    [pod({ spec: { nodeName: 'm' } }), { outcome: 'elsewhere', nodeName: 'm' }],
    [pod({ metadata: { uid: 'other' } }), { outcome: 'gone' }],
    [pod({ metadata: { deletionTimestamp: 'now' } }), { outcome: 'terminating' }],
    [pod({ spec: { schedulingGates: [{ name: 'g' }] } }), { outcome: 'gated' }],
  ];
  for (const lost of [hangUp, status(500, 'InternalError'), status(409, 'Conflict')]) {
    for (const [found, outcome] of cases) {
      const { client, close } = await fakeServer([lost, json(200, found)]);
      t.strictSame(await client.bind(identity, 'n'), outcome);
      await close();
    }
  }
  const open = await fakeServer([hangUp, json(200, pod())]);
  t.match(await errorOf(open.client.bind(identity, 'n')), { mayHaveHappened: true });
  await open.close();
  const gone = await fakeServer([hangUp, status(404, 'NotFound')]);
  t.strictSame(await gone.client.bind(identity, 'n'), { outcome: 'gone' });
  await gone.close();
});

t.test('an eviction tells a budget from a busy server', async (t) => {
  const causes = [{ reason: 'DisruptionBudget', message: 'needs 2' }];
  const blocked = await fakeServer([status(429, 'TooManyRequests', { causes })]);
  t.match(await blocked.client.evict(identity), { outcome: 'blocked', retryAfterMs: 0 });
  t.equal(blocked.seen.length, 1, 'a budget is not asked three times');
  await blocked.close();

  const busy = await fakeServer([status(429, 'TooManyRequests')]);
  t.equal((await errorOf(busy.client.evict(identity))).code, 'TooManyRequests');
  await busy.close();

  const dying = pod({ metadata: { deletionTimestamp: 'now' } });
  const lost = await fakeServer([hangUp, json(200, dying)]);
  t.strictSame(await lost.client.evict(identity), { outcome: 'evicted' });
  await lost.close();
});

t.test('a token that has expired is asked for once more', async (t) => {
  const { client, close, seen } = await fakeServer(
    [status(401, 'Unauthorized'), json(200, pod())],
    {
      tokens: ['old', 'new'],
    },
  );
  await client.get('Pod', name);
  t.strictSame(
    seen.map(({ authorization }) => authorization),
    ['Bearer old', 'Bearer new'],
  );
  await close();
  const denied = await fakeServer([status(401, 'Unauthorized')]);
  t.equal((await errorOf(denied.client.get('Pod', name))).code, 'Unauthorized');
  t.equal(denied.seen.length, 2);
  await denied.close();
});

t.test('an aborted call ends with its own reason, a late one as unavailable', async (t) => {
  const server = await fakeServer([silence], { transport: { callDeadlineMs: 30 } });
  const abort = new AbortController();
  const { signal } = abort;
  const call = server.client.get('Pod', name, { signal });
  abort.abort(new RangeError('enough'));
  await t.rejects(call, { name: 'RangeError', message: 'enough' });
  const late = await errorOf(server.client.delete('Pod', name));
  t.match(late, { code: 'Unavailable', mayHaveHappened: true, message: /no answer within 30 ms/ });
  await server.close();
});

t.test('an answer that is no JSON is unavailable; plain text is a message', async (t) => {
  const cut: Answer = (_seen, response) => response.end('{"metadata":');
  const server = await fakeServer([cut]);
  t.match(await errorOf(server.client.get('Pod', name)), { message: /not JSON/ });
  await server.close();
  const text: Answer = (_seen, response) => response.writeHead(403).end('not you');
  const plain = await fakeServer([text]);
  t.match(await errorOf(plain.client.get('Pod', name)), { code: 'Forbidden', message: /not you/ });
  await plain.close();
});

t.test('the answer to a deletion tells whether the object is still there', async (t) => {
  const cases: [object, string][] = [
    [{ kind: 'Status', status: 'Success' }, 'deleted'],
    [pod({ metadata: { deletionGracePeriodSeconds: 0 } }), 'deleted'],
    [pod({ metadata: { deletionGracePeriodSeconds: 30 } }), 'terminating'],
    [pod({ metadata: { deletionGracePeriodSeconds: 0, finalizers: ['f'] } }), 'terminating'],
  ];
  for (const [body, outcome] of cases) {
    const { client, close } = await fakeServer([json(200, body)]);
    t.equal(await client.delete('Pod', name), outcome);
    await close();
  }
});
