// The keys and certificates of one control plane.
//
// In:  nothing. Out: one authority, one serving pair for every component, and the
// pair that signs service-account tokens, all in PEM and valid for a day.
// Elliptic keys throughout: they take a millisecond where RSA takes a second.

// @peculiar/x509 wants it loaded first and does not bring it along.
// oxlint-disable-next-line import/no-unassigned-import -- it is a polyfill
import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM texts. */
export interface Certificates {
  readonly authorityCertificate: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  readonly serviceAccountPublicKey: string;
  readonly serviceAccountPrivateKey: string;
}

const LIFETIME_MS = 24 * 60 * 60_000;
/** A certificate that starts now is refused by a peer whose clock is a moment behind. */
const BACKDATED_MS = 60 * 60_000;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Creates the certificates. `serviceIp` is the cluster IP of the `kubernetes` Service. */
export async function createCertificates(serviceIp: string): Promise<Certificates> {
  const validity = {
    notBefore: new Date(Date.now() - BACKDATED_MS),
    notAfter: new Date(Date.now() + LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
  };
  const authorityKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    serialNumber: '01',
    name: 'CN=stowage-test-authority',
    keys: authorityKeys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  const servingKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const serving = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: '02',
    subject: 'CN=kube-apiserver',
    issuer: authority.subject,
    signingKey: authorityKeys.privateKey,
    publicKey: servingKeys.publicKey,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: serviceIp },
        ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'].map(
          (value) => ({ type: 'dns', value }) as const,
        ),
      ]),
    ],
  });
  const serviceAccountKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const servingKey = await webcrypto.subtle.exportKey('pkcs8', servingKeys.privateKey);
  return {
    authorityCertificate: authority.toString('pem'),
    servingCertificate: serving.toString('pem'),
    servingKey: PemConverter.encode(servingKey, 'PRIVATE KEY'),
    serviceAccountPublicKey: serviceAccountKeys.publicKey
      .export({ type: 'spki', format: 'pem' })
      .toString(),
    // kube-apiserver reads SEC 1 and PKCS #8 alike.
    serviceAccountPrivateKey: serviceAccountKeys.privateKey
      .export({ type: 'sec1', format: 'pem' })
      .toString(),
  };
}
