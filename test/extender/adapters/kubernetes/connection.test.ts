/** How a pod and a kubeconfig reach their API server. */
import { join } from 'node:path';
import t from 'tap';
import {
  inClusterConnection,
  kubeconfigConnection,
} from '../../../../extender/adapters/kubernetes/connection.ts';

const kubeconfig = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'c', cluster: { server: 'https://10.0.0.1:6443', 'tls-server-name': 'api.example' } },
  ],
  users: [
    { name: 'token', user: { token: 'secret' } },
    { name: 'basic', user: { username: 'me', password: 'pw' } },
    {
      name: 'certificate',
      user: {
        'client-certificate-data': Buffer.from('CERT').toString('base64'),
        'client-key-data': Buffer.from('KEY').toString('base64'),
      },
    },
  ],
  contexts: [
    { name: 'one', context: { cluster: 'c', user: 'token', namespace: 'team' } },
    { name: 'two', context: { cluster: 'c', user: 'certificate' } },
    { name: 'three', context: { cluster: 'c', user: 'basic' } },
    { name: 'broken', context: { cluster: 'none', user: 'token' } },
  ],
  'current-context': 'one',
};

t.test('a pod connects with what is mounted into it, read anew each time', async (t) => {
  const directory = t.testdir({ token: 'first\n', 'ca.crt': 'CA', namespace: 'stowage-system' });
  const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };
  const connection = await inClusterConnection(environment, directory);
  t.match(connection, { server: 'https://10.96.0.1:443', namespace: 'stowage-system' });
  t.strictSame(await connection.credentials(), {
    headers: { Authorization: 'Bearer first' },
    tls: { ca: 'CA' },
  });
  const six = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  t.equal((await inClusterConnection(six, directory)).server, 'https://[fd00::1]:443');
  await t.rejects(inClusterConnection({}, directory), {
    name: 'InputError',
    message: /not in a cluster/,
  });
});

t.test('a kubeconfig connects with what its context names', async (t) => {
  const directory = t.testdir({ config: JSON.stringify(kubeconfig) });
  const file = join(directory, 'config');
  const one = await kubeconfigConnection({ file });
  t.match(one, { server: 'https://10.0.0.1:6443', namespace: 'team' });
  t.match(await one.credentials(), {
    headers: { Authorization: 'Bearer secret' },
    tls: { servername: 'api.example' },
  });
  const two = await (await kubeconfigConnection({ file, context: 'two' })).credentials();
  t.strictSame([two.tls.cert?.toString(), two.tls.key?.toString()], ['CERT', 'KEY']);
  const three = await (await kubeconfigConnection({ file, context: 'three' })).credentials();
  t.match(three.headers, { Authorization: `Basic ${Buffer.from('me:pw').toString('base64')}` });
});

t.test('what is missing is named', async (t) => {
  const directory = t.testdir({ config: JSON.stringify(kubeconfig), broken: 'a: [' });
  const file = join(directory, 'config');
  await t.rejects(kubeconfigConnection({ file: join(directory, 'none') }), {
    name: 'InputError',
    message: /none: .*ENOENT/,
  });
  await t.rejects(kubeconfigConnection({ file: join(directory, 'broken') }), {
    name: 'InputError',
  });
  await t.rejects(kubeconfigConnection({ file, context: 'broken' }), {
    name: 'InputError',
    message: /no cluster in context "broken"; contexts: one, two, three, broken/,
  });
});
