/**
 * Listening, with errors that a person can put right.
 *
 * In: a server that does not listen yet, an address. Out: it listens, or an InputError says what is
 * wrong with the address.
 */
import type { FastifyInstance } from 'fastify';
import { InputError } from '../../core/errors.ts';

const problems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: expected a free port, or 0 for any',
  EACCES: 'this user may not listen there: expected a port above 1023',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no host of that name',
};

/** @throws InputError if the address cannot be used */
export async function listenOn(
  app: FastifyInstance,
  address: { readonly host: string; readonly port: number },
  field: string,
): Promise<void> {
  const { host, port } = address;
  try {
    await app.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const problem = problems[code];
    if (problem === undefined) throw error;
    throw new InputError({ field }, `${host}:${port}: ${problem}`);
  }
}
