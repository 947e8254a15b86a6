/**
 * An authority for tests, and the certificates that it signs.
 *
 * In: names. Out: PEM texts, valid for an hour. Elliptic keys: they take a millisecond.
 */
// @peculiar/x509 wants it loaded first and does not bring it along.
// oxlint-disable-next-line import/no-unassigned-import -- it is a polyfill
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

/** Signs; its own certificate is what the other side trusts. */
export interface TestAuthority {
  readonly certificate: string;
  /** For 127.0.0.1 and localhost. */
  server(): Promise<CertificatePair>;
  client(subject: string, names?: readonly JsonGeneralName[]): Promise<CertificatePair>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const backdatedMs = 60_000;
const lifetimeMs = 3_600_000;

export async function createAuthority(name = 'test authority'): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = {
    notBefore: new Date(Date.now() - backdatedMs),
    notAfter: new Date(Date.now() + lifetimeMs),
    signingAlgorithm: algorithm,
  };
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: `CN=${name}`,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });

  async function sign(
    subject: string,
    usage: ExtendedKeyUsage,
    names: readonly JsonGeneralName[],
  ): Promise<CertificatePair> {
    const own = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      ...validity,
      subject,
      issuer: authority.subject,
      signingKey: keys.privateKey,
      publicKey: own.publicKey,
      extensions: [
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
      ],
    });
    const key = await crypto.subtle.exportKey('pkcs8', own.privateKey);
    return {
      certificate: certificate.toString('pem'),
      key: PemConverter.encode(key, 'PRIVATE KEY'),
    };
  }

  return {
    certificate: authority.toString('pem'),
    server: async () =>
      await sign('CN=stowage', ExtendedKeyUsage.serverAuth, [
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
    client: async (subject, names = []) => await sign(subject, ExtendedKeyUsage.clientAuth, names),
  };
}
