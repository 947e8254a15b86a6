/**
 * Keys and certificates from files, and their replacement while the server runs.
 *
 * In: paths. Out: their contents, once and again whenever they change. Files are read and compared
 * at an interval: a mounted Secret changes by a swap of symbolic links, which notifications miss.
 * Contents that do not belong together (half of a rotation) are not handed on; the next look finds
 * the rest.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import type { Clock, Timer } from '../../core/ports.ts';
import { certificatePollMs } from './limits.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Authorities whose client certificates are accepted. */
  readonly clientAuthorityFile: string;
}

/** PEM texts that belong together. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthority: string;
  /** When the server's certificate ends, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Told of changes until it is stopped. */
export interface TlsFollower {
  stop(): void;
}

/**
 * Reads the files once.
 * @throws InputError naming the file that is missing, unreadable or does not fit the others.
 */
export async function readTlsMaterial(files: TlsFiles): Promise<TlsMaterial> {
  const [certificate, key, clientAuthority] = await Promise.all([
    readText(files.certificateFile),
    readText(files.keyFile),
    readText(files.clientAuthorityFile),
  ]);
  const parsed = parsedCertificate(certificate, files.certificateFile);
  parsedCertificate(clientAuthority, files.clientAuthorityFile);
  if (!parsed.checkPrivateKey(parsedKey(key, files.keyFile))) {
    throw new InputError({ file: files.keyFile }, `expected the key of ${files.certificateFile}`);
  }
  return { certificate, key, clientAuthority, expiresAtMs: Date.parse(parsed.validTo) };
}

/** Looks at the files at an interval; `onProblem` is told when a look fails, and the old stay. */
export function followTlsFiles(
  files: TlsFiles,
  first: TlsMaterial,
  clock: Clock,
  onChange: (material: TlsMaterial) => void,
  onProblem: (error: InputError) => void,
): TlsFollower {
  let current = first;
  let isStopped = false;
  let timer: Timer;

  async function look(): Promise<void> {
    try {
      const found = await readTlsMaterial(files);
      if (!isStopped && !isSame(found, current)) {
        current = found;
        onChange(found);
      }
    } catch (error) {
      if (!(error instanceof InputError)) {
        throw error;
      }
      onProblem(error);
    }
    if (!isStopped) {
      arm();
    }
  }

  function arm(): void {
    timer = clock.schedule(certificatePollMs, () => void look());
  }

  arm();
  return {
    stop: () => {
      isStopped = true;
      timer.cancel();
    },
  };
}

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  return (
    one.certificate === other.certificate &&
    one.key === other.key &&
    one.clientAuthority === other.clientAuthority
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new InputError({ file }, `cannot be read: ${String(cause)}`);
  }
}

function parsedCertificate(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw new InputError({ file }, 'expected certificates in PEM');
  }
}

function parsedKey(text: string, file: string) {
  try {
    return createPrivateKey(text);
  } catch {
    throw new InputError({ file }, 'expected a private key in PEM, without a passphrase');
  }
}
