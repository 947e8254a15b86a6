/** `stowage fake-ec2` as users run it: an address, a scenario, an end. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import t from 'tap';
import { clientsOf, errorOf } from '../../support/aws-world.ts';

const main = fileURLToPath(new URL('../../../extender/cli/main.ts', import.meta.url));

function start(...words: readonly string[]) {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'fake-ec2', '--port', '0', ...words],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text.stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text.stderr += part));
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, text, code };
}

t.test('it answers where it says, plays its scenario and ends when asked to', async (t) => {
  const scenario = join(t.testdir(), 'scenario.yaml');
  writeFileSync(scenario, 'events: [{do: deny, action: "ec2:DescribeSubnets"}]');
  const { child, text, code } = start('--scenario', scenario, '--subnet-bits', '28');
  t.teardown(() => child.kill('SIGKILL'));
  const found = new Promise<string>((resolve) => {
    child.stdout.on('data', () => {
      const endpoint = /answers at (http:\S+)/.exec(text.stdout)?.[1];
      if (endpoint !== undefined && text.stdout.endsWith('it.\n')) resolve(endpoint);
    });
  });
  const endpoint = await Promise.race([found, code.then(() => text.stderr)]);
  const { ec2 } = clientsOf(endpoint);
  t.teardown(() => ec2.destroy());
  const call = ec2.send(new DescribeSubnetsCommand({}));
  t.equal((await errorOf(call)).name, 'UnauthorizedOperation');
  const allow = JSON.stringify({ do: 'allow', action: 'ec2:DescribeSubnets' });
  await fetch(`${endpoint}/admin/actions`, { method: 'POST', body: allow });
  const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
  t.equal(Subnets?.[0]?.AvailableIpAddressCount, 11);
  child.kill('SIGTERM');
  t.equal(await code, 0);
  t.equal(text.stderr, '');
});

t.test('a wrong scenario, version or file ends it at once, with the place', async (t) => {
  const scenario = join(t.testdir(), 'scenario.yaml');
  writeFileSync(scenario, 'events: [{do: recover}, {do: dance}]');
  for (const [words, expected] of [
    [['--scenario', scenario], /scenario\.yaml: scenario: events\[1\]\.do/],
    [['--scenario', '/none.yaml'], /none\.yaml: cannot be read/],
    [['--kubernetes-version', 'new'], /--kubernetes-version: expected 1\.N/],
  ] as const) {
    const { text, code } = start(...words);
    t.equal(await code, 1);
    t.match(text.stderr, expected);
  }
});
