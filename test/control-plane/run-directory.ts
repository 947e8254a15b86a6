// The temporary folder of one control plane, and the end of those left behind.
//
// In:  nothing but the system's folder for temporary files.
// Out: a folder that remembers its owner and the processes started from it.
// A test that is killed cannot stop its children. The next start finds folders
// whose owner is dead, ends the processes they list (only where the command line
// proves that the process is still the one listed) and removes them.

import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PREFIX = 'stowage-control-plane-';
const OWNER_FILE = 'owner.pid';
const PROCESSES_FILE = 'processes.pid';
/** etcd may still be writing when its folder is removed. */
const REMOVE_RETRIES = 5;

/** One control plane's folder. */
export interface RunDirectory {
  readonly path: string;
  /** Absolute path of a file in the folder. */
  file(name: string): string;
  /** Remembers a child process, so that a later start can end it should this process die. */
  recordProcess(pid: number): void;
  remove(): Promise<void>;
  /** Leaves it for a person to read; nothing removes it later. */
  keep(log: (line: string) => void): Promise<void>;
}

/** A new folder, after what dead owners left behind has been cleared away. */
export async function createRunDirectory(log: (line: string) => void): Promise<RunDirectory> {
  await removeLeftovers(log);
  const path = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(path, OWNER_FILE), String(process.pid));
  return {
    path,
    file: (name) => join(path, name),
    // Synchronous: between the start of a child and this line there must be no chance to die.
    recordProcess: (pid) => appendFileSync(join(path, PROCESSES_FILE), `${pid}\n`),
    remove: async () =>
      await rm(path, { recursive: true, force: true, maxRetries: REMOVE_RETRIES }),
    keep: async (log) => {
      // Without an owner no later start takes it for a leftover.
      await rm(join(path, OWNER_FILE));
      log(`control plane: files kept in ${path}`);
    },
  };
}

async function removeLeftovers(log: (line: string) => void): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const path = join(tmpdir(), entry);
    const owner = await readPids(join(path, OWNER_FILE));
    // No owner file: the folder is being created at this moment, or is not ours to judge.
    if (owner.length !== 1 || owner.some(isAlive)) continue;
    for (const pid of await readPids(join(path, PROCESSES_FILE))) {
      if (!(await commandLine(pid)).includes(path)) continue;
      log(`control plane: ending process ${pid}, left behind by ${path}`);
      killIfAlive(pid);
    }
    await rm(path, { recursive: true, force: true, maxRetries: REMOVE_RETRIES });
  }
}

async function readPids(path: string): Promise<readonly number[]> {
  try {
    const lines = (await readFile(path, 'utf8')).split('\n');
    return lines.map(Number).filter((pid) => Number.isInteger(pid) && pid > 1);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** The process's command line, or an empty string where there is no such process. */
async function commandLine(pid: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]);
    return stdout;
  } catch (error) {
    // ps ends with 1 when it finds no such process. Without ps nothing can be proven, so nothing is ended.
    if (errorCode(error) === 1 || errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
