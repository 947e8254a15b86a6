/** The extender's server on real sockets: verbs, bounds, TLS and its renewal. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { InputError } from '../../../core/errors.ts';
import { ClusterError } from '../../../core/ports.ts';
import { filterReasons } from '../../../core/scheduling/extender-filter.ts';
import { createMetrics } from '../../../extender/metrics.ts';
import { NodeTable } from '../../../extender/node-table.ts';
import {
  type ExtenderServerOptions,
  startExtenderServer,
} from '../../../extender/server/extender-server.ts';
import { bodyBytesMax, certificatePollMs } from '../../../extender/server/limits.ts';
import type { Binder } from '../../../extender/verbs/bind.ts';
import { createVirtualClock } from '../../../sim/virtual-clock.ts';
import { createAuthority, type TestAuthority } from '../../support/certificates.ts';
import {
  extenderNode,
  namesBody,
  nodesBody,
  podJson,
  reservation,
  standing,
} from '../../support/extender-fixtures.ts';
import { http1Caller, http2Caller } from '../../support/http-calls.ts';

/** Far above anything measured; a test that gets here has hung. */
const turnsMax = 100_000;

const unbound: Binder = {
  bind: async () => ({ outcome: 'gone' }),
};

/** A server on loopback with a node that is held and one that is not. */
async function startServer(t: Test, overrides: Partial<ExtenderServerOptions> = {}) {
  const clock = createVirtualClock(1_700_000_000_000);
  const nodes = new NodeTable();
  nodes.put(extenderNode('held', { reservation: reservation(), standing: standing() }));
  nodes.put(extenderNode('open', { standing: standing({ fullnessPermille: 1000 }) }));
  const metrics = createMetrics('test', { process: false });
  const server = await startExtenderServer({
    host: '127.0.0.1',
    port: 0,
    nodes,
    binder: unbound,
    clock,
    metrics: metrics.extender,
    log: pino({ level: 'silent' }),
    ...overrides,
  });
  t.teardown(async () => await server.close());
  return { server, clock, nodes, metrics };
}

function json(body: string) {
  return JSON.parse(body);
}

t.test('each verb answers on the wire of extender v1, with a known length', async (t) => {
  const { server } = await startServer(t);
  const caller = http1Caller(server.url);
  t.teardown(() => caller.close());
  t.match(server.url, /^http:\/\/127\.0\.0\.1:[0-9]+\/scheduler$/);

  const filter = await caller.post('/filter', namesBody(['held', 'open', 'unknown']));
  t.strictSame(json(filter.body), {
    NodeNames: ['open', 'unknown'],
    FailedNodes: {},
    FailedAndUnresolvableNodes: { held: filterReasons.binding },
    Error: '',
  });
  const whole = await caller.post('/filter', nodesBody(['held', 'open']));
  t.match(json(whole.body), { Nodes: { items: [{ metadata: { name: 'open' } }] } });

  const prioritize = await caller.post('/prioritize', namesBody(['open', 'unknown']));
  t.strictSame(json(prioritize.body), [
    { Host: 'open', Score: 9 },
    { Host: 'unknown', Score: 0 },
  ]);
  const wholePrioritize = await caller.post('/prioritize', nodesBody(['open', 'unknown']));
  t.equal(wholePrioritize.body, prioritize.body);

  const victims = { Pods: [{ UID: 'victim' }], NumPDBViolations: 1 };
  const asked = { Pod: podJson(), NodeNameToMetaVictims: { held: victims, open: victims } };
  const preempt = await caller.post('/preempt', JSON.stringify(asked));
  t.strictSame(json(preempt.body), { NodeNameToMetaVictims: { open: victims } });

  for (const { status, headers, body } of [filter, whole, prioritize, preempt]) {
    t.equal(status, 200);
    t.equal(headers['content-type'], 'application/json');
    t.equal(headers['content-length'], String(Buffer.byteLength(body)));
    t.equal(headers['transfer-encoding'], undefined);
  }
});

t.test('the owner of a reservation passes, and its node beats all others', async (t) => {
  const { server } = await startServer(t);
  const caller = http1Caller(server.url);
  t.teardown(() => caller.close());
  const body = namesBody(['held', 'open'], podJson({ uid: 'uid-owner' }));
  t.strictSame(json((await caller.post('/filter', body)).body).NodeNames, ['held', 'open']);
  t.strictSame(json((await caller.post('/prioritize', body)).body), [
    { Host: 'held', Score: 10 },
    { Host: 'open', Score: 0 },
  ]);
});

t.test('bind sends the UID along, and every outcome but success is a message', async (t) => {
  const calls: unknown[] = [];
  let outcome: () => Promise<Awaited<ReturnType<Binder['bind']>>> = async () => ({
    outcome: 'bound',
  });
  const binder: Binder = {
    bind: async (pod, nodeName) => {
      calls.push([pod, nodeName]);
      return await outcome();
    },
  };
  const { server, metrics } = await startServer(t, { binder });
  const caller = http1Caller(server.url);
  t.teardown(() => caller.close());
  const args = JSON.stringify({ PodName: 'p', PodNamespace: 'n', PodUID: 'u', Node: 'open' });
  const bind = async () => {
    const { status, body } = await caller.post('/bind', args);
    return [status, json(body).Error];
  };

  t.strictSame(await bind(), [200, '']);
  t.strictSame(calls, [[{ namespace: 'n', name: 'p', uid: 'u' }, 'open']]);
  outcome = async () => ({ outcome: 'elsewhere', nodeName: 'other' });
  t.strictSame(await bind(), [200, 'the pod is bound to node other already']);
  outcome = async () => ({ outcome: 'gone' });
  t.strictSame(await bind(), [200, 'there is no pod of that UID any more']);
  outcome = async () => ({ outcome: 'terminating' });
  t.strictSame(await bind(), [200, 'the pod is being deleted']);
  outcome = async () => ({ outcome: 'gated' });
  t.strictSame(await bind(), [200, 'the pod has scheduling gates']);
  outcome = async () => await Promise.reject(new ClusterError('Unavailable', 'no answer'));
  t.strictSame(await bind(), [200, 'the API server did not bind the pod: Unavailable: no answer']);
  outcome = async () => await Promise.reject(new Error('a bug'));
  t.strictSame(await bind(), [500, 'a bug']);
  const counted = await metrics.extender.binds.get();
  t.strictSame(
    counted.values.map(({ labels, value }) => [labels.result, value]),
    [
      ['bound', 1],
      ['refused', 5],
    ],
  );
});

t.test('a bind that takes too long is given up, and says so', async (t) => {
  const binder: Binder = {
    bind: async (_pod, _nodeName, options) =>
      await new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () =>
          reject(new ClusterError('Unavailable', 'given up')),
        );
      }),
  };
  const { server, clock } = await startServer(t, { binder });
  const caller = http1Caller(server.url);
  t.teardown(() => caller.close());
  const args = JSON.stringify({ PodName: 'p', PodNamespace: 'n', PodUID: 'u', Node: 'open' });
  const answer = caller.post('/bind', args);
  let body: string | undefined;
  void answer.then((received) => {
    body = received.body;
  });
  await until(async () => {
    await clock.advance(1_000);
    return body !== undefined;
  });
  t.match(json((await answer).body), { Error: /Unavailable: given up/ });
});

t.test(
  'a bad request is refused with its own status and a message, and nothing is lost',
  async (t) => {
    const { server } = await startServer(t);
    const caller = http1Caller(server.url);
    t.teardown(() => caller.close());
    const refused: readonly [string, Promise<{ status: number; body: string }>, number, RegExp][] =
      [
        ['no JSON', caller.post('/filter', '{"Pod":'), 400, /expected JSON/],
        ['no body', caller.post('/filter', ''), 400, /expected JSON/],
        ['no pod', caller.post('/prioritize', '{"NodeNames":[]}'), 400, /Pod: expected a pod/],
        ['no victims', caller.post('/preempt', '{"Pod":{}}'), 400, /Pod\.metadata/],
        [
          'no node',
          caller.post('/bind', '{"PodName":"a"}'),
          400,
          /PodNamespace: expected a string/,
        ],
        [
          'too large',
          caller.post('/filter', '{}', {
            'content-type': 'application/json',
            'content-length': String(bodyBytesMax + 1),
          }),
          413,
          /too large/,
        ],
        [
          'other type',
          caller.post('/filter', 'x', { 'content-type': 'text/plain' }),
          415,
          /Media Type/,
        ],
        ['other verb', caller.post('/delete', '{}'), 404, /there is no POST \/scheduler\/delete/],
        ['other method', caller.get('/filter'), 404, /there is no GET/],
      ];
    for (const [name, answer, status, message] of refused) {
      const received = await answer;
      t.equal(received.status, status, name);
      t.match(json(received.body).Error, message, name);
    }
    t.equal((await caller.post('/filter', namesBody(['open']))).status, 200);
  },
);

t.test('requests that come at the same time are answered each with its own names', async (t) => {
  const { server, nodes } = await startServer(t);
  const caller = http1Caller(server.url, undefined, 16);
  t.teardown(() => caller.close());
  const lists = Array.from({ length: 40 }, (_, list) =>
    Array.from({ length: 100 + 37 * list }, (_unused, index) => `ip-10-${list}-${index}.internal`),
  );
  for (const names of lists) {
    nodes.put(extenderNode(names[7] ?? '', { reservation: reservation() }));
  }
  const answers = await Promise.all(
    lists.map(async (names) => json((await caller.post('/filter', namesBody(names))).body)),
  );
  for (const [index, names] of lists.entries()) {
    t.strictSame(answers[index].NodeNames, names.toSpliced(7, 1));
    t.strictSame(Object.keys(answers[index].FailedAndUnresolvableNodes), [names[7]]);
  }
});

t.test('what is asked and answered is counted', async (t) => {
  const { server, metrics } = await startServer(t);
  const caller = http1Caller(server.url);
  await caller.post('/filter', namesBody(['held', 'open']));
  await caller.post('/filter', 'x');
  await caller.get('/nothing');
  caller.close();
  await server.close();
  const text = await metrics.registry.metrics();
  t.match(text, 'stowage_extender_nodes_asked_total{verb="filter"} 2');
  t.match(text, `stowage_extender_nodes_rejected_total{reason="${filterReasons.binding}"} 1`);
  for (const labels of [
    'verb="filter",code="200"',
    'verb="filter",code="400"',
    'verb="other",code="404"',
  ]) {
    t.match(text, `stowage_extender_http_request_duration_seconds_count{${labels}} 1`);
  }
});

t.test('without TLS a server listens on loopback only', async (t) => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'stowage.example']) {
    await t.rejects(startServer(t, { host }), /is not a loopback address: expected TLS files/);
  }
  const { server } = await startServer(t, { host: '::1' }).catch(() => startServer(t));
  t.match(server.url, /^http:\/\/(\[::1\]|127\.0\.0\.1):/);
});

interface SecureWorld {
  readonly authority: TestAuthority;
  readonly files: { certificateFile: string; keyFile: string; clientAuthorityFile: string };
  /** Replaces the files by those of an authority. */
  write(from: TestAuthority): Promise<void>;
}

async function secureWorld(t: Test): Promise<SecureWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-tls-'));
  t.teardown(async () => await rm(directory, { recursive: true }));
  const files = {
    certificateFile: join(directory, 'tls.crt'),
    keyFile: join(directory, 'tls.key'),
    clientAuthorityFile: join(directory, 'ca.crt'),
  };
  const write = async (from: TestAuthority): Promise<void> => {
    const pair = await from.server();
    await writeFile(files.certificateFile, pair.certificate);
    await writeFile(files.keyFile, pair.key);
    await writeFile(files.clientAuthorityFile, from.certificate);
  };
  const authority = await createAuthority();
  await write(authority);
  return { authority, files, write };
}

async function clientTls(authority: TestAuthority, subject: string, trusted = authority) {
  const { certificate, key } = await authority.client(subject);
  return { ca: trusted.certificate, cert: certificate, key };
}

const schedulerName = 'system:kube-scheduler';

t.test('with TLS both HTTP/1.1 and HTTP/2 are spoken, to allowed clients only', async (t) => {
  const { authority, files } = await secureWorld(t);
  const tls = { ...files, allowedClients: [schedulerName] };
  const { server, metrics } = await startServer(t, { tls });
  t.match(server.url, /^https:/);
  const scheduler = await clientTls(authority, `CN=${schedulerName}`);
  const body = namesBody(['held', 'open']);

  const one = http1Caller(server.url, scheduler);
  const two = await http2Caller(server.url, scheduler);
  t.teardown(() => [one, two].forEach((caller) => caller.close()));
  t.equal(two.session.alpnProtocol, 'h2');
  const answers = [await one.post('/filter', body), await two.post('/filter', body)];
  for (const { status, headers, body: text } of answers) {
    t.equal(status, 200);
    t.strictSame(json(text).NodeNames, ['open']);
    t.equal(headers['content-length'], String(Buffer.byteLength(text)));
  }

  const stranger = await clientTls(authority, 'CN=somebody');
  const otherOne = http1Caller(server.url, stranger);
  const otherTwo = await http2Caller(server.url, stranger);
  t.teardown(() => [otherOne, otherTwo].forEach((caller) => caller.close()));
  t.equal((await otherOne.post('/filter', body)).status, 403);
  t.match(await otherTwo.post('/filter', body), { status: 403, body: /allow-list/ });
  t.equal((await metrics.extender.clientsRefused.get()).values[0]?.value, 2);

  const foreign = await createAuthority('another authority');
  const forged = await clientTls(foreign, `CN=${schedulerName}`, authority);
  for (const bad of [{ ca: authority.certificate }, forged]) {
    const caller = http1Caller(server.url, bad);
    await t.rejects(caller.post('/filter', body), 'the handshake fails');
    caller.close();
  }
});

t.test('many requests share one HTTP/2 connection, large ones too', async (t) => {
  const { authority, files } = await secureWorld(t);
  const tls = { ...files, allowedClients: [schedulerName] };
  const { server } = await startServer(t, { tls });
  const caller = await http2Caller(server.url, await clientTls(authority, `CN=${schedulerName}`));
  t.teardown(() => caller.close());
  const names = Array.from({ length: 5_000 }, (_, index) => `ip-10-0-${index}.ec2.internal`);
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => await caller.post('/filter', namesBody(names))),
  );
  t.ok(answers.every(({ body }) => json(body).NodeNames.length === names.length));
});

t.test('new certificate files are taken up without a restart, and old clients go', async (t) => {
  const { authority, files, write } = await secureWorld(t);
  const tls = { ...files, allowedClients: [schedulerName] };
  const { server, clock, metrics } = await startServer(t, { tls });
  const reloads = async (result: string): Promise<number> =>
    (await metrics.extender.certificateReloads.get()).values.find(
      ({ labels }) => labels.result === result,
    )?.value ?? 0;
  const oldTls = await clientTls(authority, `CN=${schedulerName}`);
  const oldOne = http1Caller(server.url, oldTls);
  const oldTwo = await http2Caller(server.url, oldTls);
  t.teardown(() => [oldOne, oldTwo].forEach((caller) => caller.close()));
  t.equal((await oldOne.post('/filter', namesBody(['open']))).status, 200);

  await writeFile(files.keyFile, 'half of a rotation');
  await until(async () => {
    await clock.advance(certificatePollMs);
    return (await reloads('failed')) > 0;
  });
  t.equal((await oldTwo.post('/filter', namesBody(['open']))).status, 200, 'the old stay in use');

  const newAuthority = await createAuthority('new authority');
  await write(newAuthority);
  await until(async () => {
    await clock.advance(certificatePollMs);
    return (await reloads('loaded')) > 0;
  });
  const newTwo = await http2Caller(
    server.url,
    await clientTls(newAuthority, `CN=${schedulerName}`),
  );
  t.teardown(() => newTwo.close());
  t.equal((await newTwo.post('/filter', namesBody(['open']))).status, 200);
  await until(async () => oldTwo.session.closed || oldTwo.session.destroyed);
  await t.rejects(oldOne.post('/filter', namesBody(['open'])), 'the old authority is gone');
});

t.test(
  'TLS files that cannot be used stop the start, and the message names the file',
  async (t) => {
    const { files } = await secureWorld(t);
    const allowedClients = [schedulerName];
    const start = async (changed: object) =>
      await startServer(t, { tls: { ...files, allowedClients, ...changed } });
    await t.rejects(start({ keyFile: '/nowhere/tls.key' }), /^\/nowhere\/tls\.key: cannot be read/);
    await t.rejects(start({ keyFile: files.certificateFile }), /expected a private key in PEM/);
    await t.rejects(start({ certificateFile: files.keyFile }), /expected certificates in PEM/);
    const { key } = await (await createAuthority()).server();
    const otherKey = `${files.keyFile}.other`;
    await writeFile(otherKey, key);
    await t.rejects(start({ keyFile: otherKey }), /expected the key of .*tls\.crt/);
    const problem = start({ allowedClients: [] });
    await t.rejects(
      problem,
      new InputError({ field: 'allowedClients' }, 'expected at least one name of a client'),
    );
  },
);

/** Turns of the event loop, in which sockets and files move, until something is so. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < turnsMax; turn += 1) {
    if (await isSo()) {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`not so after ${turnsMax} turns of the event loop`);
}
