/** By which names a client certificate lets its holder be known. */
import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { clientNames } from '../../../extender/server/client-names.ts';
import { createAuthority } from '../../support/certificates.ts';

async function namesOf(subject: string, names: Parameters<typeof authority.client>[1] = []) {
  const { certificate } = await authority.client(subject, names);
  return clientNames(new X509Certificate(certificate).toLegacyObject());
}
const authority = await createAuthority();

t.test('a client is known by its common name, its DNS names and its URIs', async (t) => {
  t.strictSame(await namesOf('CN=system:kube-scheduler'), ['system:kube-scheduler']);
  t.strictSame(
    await namesOf('CN=a', [
      { type: 'dns', value: 'scheduler.kube-system.svc' },
      { type: 'url', value: 'spiffe://cluster.local/ns/kube-system/sa/scheduler' },
      { type: 'ip', value: '10.0.0.1' },
      { type: 'email', value: 'a@example.com' },
    ]),
    ['a', 'scheduler.kube-system.svc', 'spiffe://cluster.local/ns/kube-system/sa/scheduler'],
  );
  t.strictSame(await namesOf('O=nobody'), []);
});

t.test('a name that looks like several is one name', async (t) => {
  t.strictSame(
    await namesOf('CN=a', [{ type: 'url', value: 'http://x/, DNS:system:kube-scheduler' }]),
    ['a', 'http://x/, DNS:system:kube-scheduler'],
  );
});

t.test('of a certificate that is not wholly understood no name counts', async (t) => {
  const subject = { CN: 'a' };
  const certificate = (subjectaltname: string) =>
    ({ subject, subjectaltname }) as unknown as Parameters<typeof clientNames>[0];
  t.strictSame(clientNames(certificate('DNS:b')), ['a', 'b']);
  for (const text of ['DNS:"b', 'b', 'DNS:b,URI:c', 'DNS:"b"c']) {
    t.strictSame(clientNames(certificate(text)), [], text);
  }
});

t.test('a subject with several common names has none', async (t) => {
  const several = { subject: { CN: ['a', 'b'] } };
  t.strictSame(clientNames(several as unknown as Parameters<typeof clientNames>[0]), []);
});
