// Builds the commands of a real control plane (etcd, Kubernetes, KWOK).
//
// In:  the two Go modules beside this file, which pin every version.
// Out: a folder of binaries in a cache outside the repository, keyed by all that
//      decides their content, so that a second call is only a look at the disk.
// It knows nothing of how the binaries are run (see control-plane.ts).
//
// By hand: `node test/control-plane/build.ts`. About ten minutes once on 2 cores.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir, setPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** The binaries that {@link ensureBinaries} answers with, as absolute paths. */
export interface ControlPlaneBinaries {
  readonly directory: string;
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubeScheduler: string;
  readonly kubectl: string;
  readonly kwok: string;
}

/** Where Go is missing nothing can be built; a test skips on this and only on this. */
export class GoMissingError extends Error {
  override readonly name = 'GoMissingError';
}

/** The whole build, all commands: ten minutes on 2 idle cores, so this leaves room for busy ones. */
const BUILD_DEADLINE_MS = 60 * 60_000;
/** How often a waiting process looks whether another one has finished the same build. */
const LOCK_POLL_MS = 1_000;
/** A line of progress at most this often. */
const PROGRESS_INTERVAL_MS = 30_000;
/** `go build -p`: two compilers at once keep the build under 4 GiB and a laptop usable. */
const BUILD_PARALLELISM = 2;
/** The build yields to everything else on the machine. */
const BUILD_NICENESS = 10;
/** Compiler output kept to explain a failed build. */
const ERROR_TAIL_LINES = 40;

const PARTIAL_INFIX = '.partial-';
const MODULE_DIRECTORY = import.meta.dirname;
const KWOK_MODULE_DIRECTORY = join(MODULE_DIRECTORY, 'kwok');

interface Command {
  readonly file: string;
  readonly packagePath: string;
  readonly moduleDirectory: string;
}

const COMMANDS: readonly Command[] = [
  { file: 'etcd', packagePath: 'go.etcd.io/etcd/server/v3', moduleDirectory: MODULE_DIRECTORY },
  {
    file: 'kwok',
    packagePath: 'sigs.k8s.io/kwok/cmd/kwok',
    moduleDirectory: KWOK_MODULE_DIRECTORY,
  },
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'].map((file) => ({
    file,
    packagePath: `k8s.io/kubernetes/cmd/${file}`,
    moduleDirectory: MODULE_DIRECTORY,
  })),
];

/**
 * The binaries, built first where the cache does not hold them.
 *
 * Safe to call from several processes at once: one builds, the others wait.
 * @throws GoMissingError when a build is needed and there is no Go.
 */
export async function ensureBinaries(
  log: (line: string) => void = console.error,
): Promise<ControlPlaneBinaries> {
  const flags = await buildFlags();
  const directory = join(cacheRoot(), await cacheKey(flags));
  if (!(await exists(directory))) {
    await requireGo();
    await mkdir(dirname(directory), { recursive: true });
    await withLock(`${directory}.lock`, log, async () => {
      if (!(await exists(directory))) await buildInto(directory, flags, log);
    });
  }
  return binariesIn(directory);
}

/** The cached binaries, or undefined where they have not been built. Builds nothing. */
async function findBinaries(): Promise<ControlPlaneBinaries | undefined> {
  const directory = join(cacheRoot(), await cacheKey(await buildFlags()));
  return (await exists(directory)) ? binariesIn(directory) : undefined;
}

/** How long a test must allow for a build before it: nothing where there is nothing to build. */
export async function buildAllowanceMs(): Promise<number> {
  return (await findBinaries()) === undefined ? BUILD_DEADLINE_MS : 0;
}

/**
 * Why no control plane can be started here, or undefined where one can: the binaries
 * are built, or Go can build them. What a test gives as the reason of its skip.
 */
export async function unavailableReason(): Promise<string | undefined> {
  if ((await findBinaries()) !== undefined || (await isGoInstalled())) return undefined;
  return 'Go is not installed and the control plane has not been built';
}

async function isGoInstalled(): Promise<boolean> {
  return await new Promise((resolve) => {
    const child = spawn('go', ['version'], { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

function binariesIn(directory: string): ControlPlaneBinaries {
  return {
    directory,
    etcd: join(directory, 'etcd'),
    kubeApiserver: join(directory, 'kube-apiserver'),
    kubeControllerManager: join(directory, 'kube-controller-manager'),
    kubeScheduler: join(directory, 'kube-scheduler'),
    kubectl: join(directory, 'kubectl'),
    kwok: join(directory, 'kwok'),
  };
}

function cacheRoot(): string {
  const cache =
    process.env['STOWAGE_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'stowage');
  return join(cache, 'control-plane');
}

/**
 * Version stamps are not decoration: an unstamped API server calls itself
 * `v0.0.0-master+$Format:%H$`, which clients fail to parse, and feature gates
 * that compare versions then compare against 0.0.0.
 */
async function buildFlags(): Promise<readonly string[]> {
  const goMod = await readFile(join(MODULE_DIRECTORY, 'go.mod'), 'utf8');
  const version = /^\tk8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/m.exec(goMod);
  if (version === null)
    throw new Error(`${MODULE_DIRECTORY}/go.mod: expected a requirement of k8s.io/kubernetes`);
  const [, gitVersion, gitMajor, gitMinor] = version;
  const stamps = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap(
    (path) => [
      `-X ${path}.gitVersion=${gitVersion}`,
      `-X ${path}.gitMajor=${gitMajor}`,
      `-X ${path}.gitMinor=${gitMinor}`,
      `-X ${path}.gitTreeState=clean`,
    ],
  );
  return [
    '-trimpath',
    '-buildvcs=false',
    '-mod=readonly',
    // The tag upstream releases are built with: leaves gRPC tracing out, so that the linker can drop unused methods.
    '-tags=grpcnotrace',
    `-ldflags=-s -w ${stamps.join(' ')}`,
  ];
}

async function cacheKey(flags: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([
      flags,
      process.env['GOOS'] ?? process.platform,
      process.env['GOARCH'] ?? process.arch,
    ]),
  );
  for (const directory of [MODULE_DIRECTORY, KWOK_MODULE_DIRECTORY]) {
    for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(directory, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function requireGo(): Promise<void> {
  if (!(await isGoInstalled())) {
    throw new GoMissingError(
      'the control plane must be built once and `go` is not on PATH (Go 1.26 or newer)',
    );
  }
}

async function buildInto(
  directory: string,
  flags: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  await removePartialBuilds(directory);
  const partial = `${directory}${PARTIAL_INFIX}${randomUUID()}`;
  const signal = AbortSignal.timeout(BUILD_DEADLINE_MS);
  await mkdir(partial);
  try {
    log(
      `control plane: building ${COMMANDS.length} commands into ${directory} (about ten minutes, once)`,
    );
    for (const [index, command] of COMMANDS.entries()) {
      const startedMs = performance.now();
      const label = `control plane: [${index + 1}/${COMMANDS.length}] ${command.file}`;
      await goBuild(command, join(partial, command.file), flags, signal, (packages) => {
        log(`${label}: ${packages} packages compiled`);
      });
      log(`${label}: built in ${Math.round((performance.now() - startedMs) / 1000)} s`);
    }
    await rename(partial, directory);
  } catch (error) {
    // Two processes can take over one stale lock in the same instant; the other's build is as good.
    if (!(await exists(directory))) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** What a build that was killed left behind; the lock is held, so none of it is in use. */
async function removePartialBuilds(directory: string): Promise<void> {
  for (const entry of await readdir(dirname(directory))) {
    if (!entry.startsWith(`${basename(directory)}${PARTIAL_INFIX}`)) continue;
    await rm(join(dirname(directory), entry), { recursive: true, force: true });
  }
}

async function goBuild(
  command: Command,
  output: string,
  flags: readonly string[],
  signal: AbortSignal,
  onProgress: (packages: number) => void,
): Promise<void> {
  const args = [
    'build',
    '-v',
    `-p=${BUILD_PARALLELISM}`,
    ...flags,
    '-o',
    output,
    command.packagePath,
  ];
  const child = spawn('go', args, {
    cwd: command.moduleDirectory,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
  });
  if (child.pid !== undefined) setPriority(child.pid, BUILD_NICENESS);
  const tail: string[] = [];
  let packages = 0;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = text.split('\n').filter((line) => line !== '');
    packages += lines.length;
    tail.push(...lines);
    tail.splice(0, Math.max(0, tail.length - ERROR_TAIL_LINES));
  });
  const progress = setInterval(() => onProgress(packages), PROGRESS_INTERVAL_MS);
  try {
    const code = await exitCode(child);
    if (code !== 0) {
      throw new Error(
        `go build ${command.packagePath} ended with ${code ?? 'a signal'}:\n${tail.join('\n')}`,
      );
    }
  } finally {
    clearInterval(progress);
  }
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** Runs `work` alone among processes of this machine; a lock whose owner has died is taken over. */
async function withLock(
  path: string,
  log: (line: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  const deadlineMs = performance.now() + BUILD_DEADLINE_MS;
  let announced = false;
  while (!(await tryLock(path))) {
    if (performance.now() > deadlineMs)
      throw new Error(`gave up waiting for another build; remove ${path} if none runs`);
    if (!announced) log(`control plane: another process is building (${path}), waiting`);
    announced = true;
    await delay(LOCK_POLL_MS);
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  if (await isStale(path)) await rm(path, { force: true });
  return false;
}

/** A lock is stale when its owner no longer runs. An empty one is being written, unless it is old. */
async function isStale(path: string): Promise<boolean> {
  try {
    const owner = (await readFile(path, 'utf8')).trim();
    if (owner === '') return Date.now() - (await stat(path)).mtimeMs > 10 * LOCK_POLL_MS;
    process.kill(Number(owner), 0);
    return false;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    // EPERM: the owner runs as another user. ENOENT: the lock was just released.
    if (error.code === 'EPERM' || error.code === 'ENOENT') return false;
    if (error.code === 'ESRCH') return true;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const startedMs = performance.now();
  const binaries = await ensureBinaries();
  console.log(`${binaries.directory} (${Math.round((performance.now() - startedMs) / 1000)} s)`);
}
