// Free TCP ports on loopback.
//
// In: how many. Out: that many different ports that nothing listens on now.
// A port is picked below the range the system draws the local ends of outgoing
// connections from: a component that restarts would otherwise find its own port
// taken by somebody's connection to etcd.

import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

const FIRST_PORT = 20_000;
/** Linux hands out 32768 and above for outgoing connections, other systems 49152 and above. */
const LAST_PORT = 32_000;
/** Of 12,000 ports even a busy machine has thousands free; so many misses in a row mean something else is wrong. */
const ATTEMPTS_MAX = 200;

/**
 * Finds `count` different free ports.
 * @throws Error when {@link ATTEMPTS_MAX} ports in a row could not be listened on.
 */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  try {
    for (let attempts = 0; held.length < count; attempts += 1) {
      if (attempts >= ATTEMPTS_MAX + count) {
        throw new Error(`no free port on 127.0.0.1 after ${attempts} attempts`);
      }
      const port = randomInt(FIRST_PORT, LAST_PORT);
      const server = await tryListen(port);
      if (server !== undefined) held.push({ port, server });
    }
    return held.map(({ port }) => port);
  } finally {
    // All are held until all are found, so that none is answered twice.
    await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }
}

async function tryListen(port: number): Promise<Server | undefined> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
  });
}
