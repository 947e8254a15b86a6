/**
 * Who a client is, as its certificate says.
 *
 * In: a certificate that the TLS layer has verified. Out: its names, spelt as an operator writes
 * them in an allow-list: the common name, DNS names and URIs (SPIFFE identities). It verifies
 * nothing and compares whole names only; wildcards mean nothing here.
 */
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';

/** One name in the text form that Node gives to the extension: quoted if it holds anything odd. */
const alternativeName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/y;
const kindsThatCount: ReadonlySet<string> = new Set(['DNS', 'URI']);

/** Names of a client; empty if it has none, or if its certificate cannot be read with certainty. */
export function clientNames(certificate: PeerCertificate | DetailedPeerCertificate): string[] {
  const { subject, subjectaltname } = certificate;
  const common: unknown = subject?.CN;
  const names = typeof common === 'string' ? [common] : [];
  const alternatives = readAlternatives(subjectaltname ?? '');
  return alternatives === undefined ? [] : [...names, ...alternatives];
}

/** Undefined unless every part of the text is understood. */
function readAlternatives(text: string): string[] | undefined {
  const names: string[] = [];
  alternativeName.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    const match = alternativeName.exec(text);
    if (match === null) {
      return undefined;
    }
    const [whole, kind = '', value = ''] = match;
    at += whole.length;
    if (kindsThatCount.has(kind)) {
      names.push(value.startsWith('"') ? String(JSON.parse(value)) : value);
    }
  }
  return names;
}
