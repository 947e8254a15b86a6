/** `stowage serve` as users start and stop it: a process of its own, on loopback only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';

t.setTimeout(290_000);

const main = fileURLToPath(new URL('../../../extender/cli/main.ts', import.meta.url));
const anywhere = ['--operations-address=127.0.0.1:0', '--extender-address=127.0.0.1:0'];

function start(words: readonly string[]): ChildProcess & {
  readonly stdout: NonNullable<ChildProcess['stdout']>;
  readonly stderr: NonNullable<ChildProcess['stderr']>;
} {
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'serve', ...words],
    { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

/** Until it has said where its dashboard is. */
async function dashboardOf(child: ReturnType<typeof start>): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^ {2}dashboard {2}(http:\S+)\/$/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error('it ended without a dashboard');
}

t.test(
  'options that do not go together are told in one line, and nothing is started',
  async (t) => {
    const wrong: readonly (readonly [words: readonly string[], problem: RegExp])[] = [
      [['--cluster=kubernetes'], /^error: --cloud: .*expected --cloud=ec2 .*\n$/],
      [['--cloud=ec2'], /^error: --cloud: the embedded cluster has a simulated cloud only\n$/],
      [['--tls-key=key.pem'], /^error: --tls-certificate: expected .* together\n$/],
      [['--batch-idle=2s'], /^error: --batch-idle: expected no more than --batch-max\n$/],
    ];
    for (const [words, problem] of wrong) {
      const child = start([...words, ...anywhere]);
      const closed = once(child, 'close');
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      const [code] = await closed;
      t.equal(code, 1, words.join(' '));
      t.equal(stdout, '');
      t.match(stderr, problem);
    }
  },
);

t.test('it serves until SIGTERM, then ends in good order', async (t) => {
  const child = start([...anywhere, '--workload=quiet']);
  const closed = once(child, 'close');
  t.teardown(() => child.kill('SIGKILL'));
  const url = await dashboardOf(child);
  t.equal((await fetch(`${url}/livez`)).status, 200);
  const other = start([
    '--extender-address=127.0.0.1:0',
    `--operations-address=${new URL(url).host}`,
  ]);
  const otherClosed = once(other, 'close');
  t.match(await text(other.stderr), /^error: operations address: .*another process listens there/);
  t.equal((await otherClosed)[0], 1);
  child.kill('SIGTERM');
  t.strictSame(await closed, [0, null]);
});

t.test('it ends by itself when its time is up, or when nobody reads what it says', async (t) => {
  const timed = start([...anywhere, '--workload=burst', '--duration=1s']);
  const timedClosed = once(timed, 'close');
  const [said, complaint] = await Promise.all([text(timed.stdout), text(timed.stderr)]);
  t.match(said, /^Stowage runs a simulated cluster, 20 times as fast as time: burst/);
  t.equal(complaint, '');
  t.equal((await timedClosed)[0], 0);

  const unread = start([...anywhere, '--speed=100']);
  const unreadClosed = once(unread, 'close');
  t.teardown(() => unread.kill('SIGKILL'));
  await dashboardOf(unread);
  unread.stdout.destroy();
  t.equal(await text(unread.stderr), '');
  t.equal((await unreadClosed)[0], 0);
});
