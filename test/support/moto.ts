/**
 * moto, the second opinion on EC2's wire: installed once into the cache, started for one test.
 *
 * In: nothing; Python and, the first time, PyPI. Out: an endpoint, or a sentence why there is none.
 * The virtual environment is made beside its place and moved there when it is whole, so that a run
 * that is cut short leaves nothing half made.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface Moto {
  readonly endpoint: string;
  close(): Promise<void>;
}

const version = '5.2.5';
const installLimitMs = 600_000;
const startLimitMs = 60_000;
const run = promisify(execFile);

/** The server; a sentence where it cannot be had. */
export async function startMoto(): Promise<Moto | string> {
  const home = await install();
  if ('reason' in home) return home.reason;
  const port = await freePort();
  const child = spawn(
    join(home.folder, 'bin', 'python'),
    ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    { stdio: 'ignore', env: { ...process.env, MOTO_EC2_LOAD_DEFAULT_AMIS: 'false' } },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => await ended(child);
  if (await answers(endpoint, child)) return { endpoint, close };
  await close();
  return 'moto does not start';
}

async function install(): Promise<{ readonly folder: string } | { readonly reason: string }> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'stowage');
  const folder = join(cache, `moto-${version}`);
  if (existsSync(folder)) return { folder };
  const making = `${folder}.${process.pid}`;
  try {
    await mkdir(cache, { recursive: true });
    await run('python3', ['-m', 'venv', making]);
    const pip = ['-m', 'pip', 'install', '-q', `moto[server]==${version}`];
    await run(join(making, 'bin', 'python'), pip, { timeout: installLimitMs });
    await rename(making, folder);
    return { folder };
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    const [text = ''] = (error as Error).message.split('\n').slice(-2);
    return { reason: `moto ${version} cannot be installed with Python and PyPI: ${text}` };
  }
}

async function answers(endpoint: string, child: ChildProcess): Promise<boolean> {
  const endMs = Date.now() + startLimitMs;
  while (Date.now() < endMs && child.exitCode === null) {
    const response = await fetch(`${endpoint}/moto-api/`).catch(() => undefined);
    if (response?.ok === true) return true;
    await delay(100);
  }
  return false;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port is free');
  return address.port;
}
