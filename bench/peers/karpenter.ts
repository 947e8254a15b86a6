/**
 * Karpenter's own scheduler, asked the same question as our solver.
 *
 * In: instance types, pools and pods as Kubernetes objects. Out: the nodes that Karpenter would
 * claim, charged their cheapest offerings, and its time. The program in `karpenter/` is built once,
 * with Go, into a cache outside the repository; where there is neither a cached binary nor Go, the
 * caller is told so. It knows nothing of our plans.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { constants, homedir, setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { NodePool } from '../../core/api/nodepool.ts';
import type { InstanceTypeJson } from '../instance-types.ts';
import type { PodManifest } from '../workload.ts';

export interface KarpenterQuestion {
  readonly instanceTypes: readonly InstanceTypeJson[];
  readonly nodePools: readonly NodePool[];
  readonly pods: readonly PodManifest[];
  readonly daemonSetPods: readonly PodManifest[];
}

export interface KarpenterNode {
  readonly nodePool: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly capacityType: string;
  /** USD. */
  readonly pricePerHour: number;
  /** `namespace/name`. */
  readonly pods: readonly string[];
}

export interface KarpenterAnswer {
  /** Version of the module, read from the binary. */
  readonly karpenter: string;
  readonly concurrency: number;
  readonly nodes: readonly KarpenterNode[];
  readonly unschedulable: readonly { readonly pod: string; readonly reason: string }[];
  /** USD per hour. */
  readonly cost: number;
  /** Preparing the scheduler (topology, templates). */
  readonly buildMs: number;
  /** Karpenter's Solve alone. */
  readonly solveMs: number;
  readonly timedOut: boolean;
}

/** Where neither a built peer nor Go is at hand. */
export class PeerMissingError extends Error {
  override readonly name = 'PeerMissingError';
}

const moduleDirectory = join(import.meta.dirname, 'karpenter');
/** First build on 2 busy cores took three minutes. */
const buildDeadlineMs = 60 * 60_000;
/** Compiler output kept to explain a failed build. */
const errorTailCharacters = 4_000;
/** A plan of 100,000 pods is about 3 MB. */
const maxAnswerBytes = 256 * 2 ** 20;
const buildFlags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w'];

/** Path of the peer's binary, built first where the cache does not hold it. */
export async function ensureKarpenterPeer(log: (line: string) => void): Promise<string> {
  const binary = await binaryPath();
  if (existsSync(binary)) return binary;
  await mkdir(dirname(binary), { recursive: true });
  // Two builds at once do no harm: each renames a whole binary into place.
  const partial = `${binary}.partial-${randomUUID()}`;
  log(`karpenter peer: building into ${binary} (a few minutes, once)`);
  try {
    await runGo(['build', '-p=1', ...buildFlags, '-o', partial, '.']);
    await rename(partial, binary);
  } finally {
    await rm(partial, { force: true });
  }
  return binary;
}

/** Path of the binary if the cache holds it; builds nothing. */
export async function findKarpenterPeer(): Promise<string | undefined> {
  const binary = await binaryPath();
  return existsSync(binary) ? binary : undefined;
}

/**
 * Karpenter's plan. Its time is that of Solve alone, without start-up and JSON.
 * @throws Error with the peer's own words when it refuses or ends early
 */
export async function askKarpenter(
  binary: string,
  question: KarpenterQuestion,
  options: { readonly timeoutMs: number; readonly concurrency?: number },
): Promise<KarpenterAnswer> {
  const args = [`-timeout=${Math.ceil(options.timeoutMs)}ms`];
  if (options.concurrency !== undefined) args.push(`-concurrency=${options.concurrency}`);
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output = collect(child.stdout, maxAnswerBytes);
  const errors = collect(child.stderr, errorTailCharacters);
  const ended = exitCode(child);
  // An early end of the child closes the pipe; its exit code and words then tell more than EPIPE.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(question));
  const [code, text, complaint] = await Promise.all([ended, output, errors]);
  if (code !== 0) throw new Error(`karpenter peer ended with ${code ?? 'a signal'}: ${complaint}`);
  return JSON.parse(text) as KarpenterAnswer;
}

async function binaryPath(): Promise<string> {
  const cache =
    process.env['STOWAGE_CACHE'] ??
    join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'stowage');
  return join(cache, 'karpenter-peer', await cacheKey(), 'karpenter-peer');
}

/** Changes whenever anything that decides the binary changes. */
async function cacheKey(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([buildFlags, process.platform, process.arch]));
  const files = (await readdir(moduleDirectory)).filter((file) => /\.(go|mod|sum)$/.test(file));
  for (const file of files.sort()) {
    hash.update(file);
    hash.update(await readFile(join(moduleDirectory, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function runGo(args: readonly string[]): Promise<void> {
  const child = spawn('go', args, {
    cwd: moduleDirectory,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: AbortSignal.timeout(buildDeadlineMs),
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  const errors = collect(child.stderr, errorTailCharacters);
  let code: number | null;
  try {
    code = await exitCode(child);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new PeerMissingError('the Karpenter peer is not built and `go` is not on PATH');
    }
    throw error;
  }
  if (code !== 0)
    throw new Error(`go ${args[0]} ended with ${code ?? 'a signal'}: ${await errors}`);
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** The text of a stream, at most `limit` characters of it. */
async function collect(stream: NodeJS.ReadableStream, limit: number): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  stream.setEncoding('utf8');
  for await (const part of stream) {
    const text = String(part).slice(0, limit - length);
    parts.push(text);
    length += text.length;
  }
  return parts.join('');
}
