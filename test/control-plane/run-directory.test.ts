// What a killed test leaves behind, and that the next one clears it away.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { createRunDirectory } from './run-directory.ts';

t.test('ends the processes of a dead owner and removes its folder, and only that', async (t) => {
  const mine = await createRunDirectory(() => undefined);
  // An owner that records two processes: one started from the folder, one that merely has its number.
  const script = `
    import { spawn } from 'node:child_process';
    import { createRunDirectory } from ${JSON.stringify(join(import.meta.dirname, 'run-directory.ts'))};
    const directory = await createRunDirectory(() => undefined);
    const idle = ['-e', 'setInterval(() => {}, 1000)'];
    const component = spawn(process.execPath, [...idle, directory.path], { stdio: 'ignore' });
    const stranger = spawn(process.execPath, idle, { stdio: 'ignore' });
    for (const child of [component, stranger]) directory.recordProcess(child.pid);
    console.log(JSON.stringify({ path: directory.path, component: component.pid, stranger: stranger.pid }));
  `;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: owner.stdout }), 'line');
  const left = JSON.parse(String(line)) as { path: string; component: number; stranger: number };

  const beside = await createRunDirectory(() => undefined);
  t.ok(existsSync(left.path), 'while its owner lives it is left alone');
  owner.kill('SIGKILL');
  await once(owner, 'exit');

  const lines: string[] = [];
  const next = await createRunDirectory((text) => lines.push(text));
  t.notOk(existsSync(left.path));
  t.match(lines, [`ending process ${left.component},`]);
  t.doesNotThrow(
    () => process.kill(left.stranger, 0),
    'a process of another command line is left alone',
  );
  process.kill(left.stranger, 'SIGKILL');
  t.ok(existsSync(mine.path));
  await Promise.all([mine.remove(), beside.remove(), next.remove()]);
  t.notOk(existsSync(next.path));
});

t.test('keeps a folder for a person when told so', async (t) => {
  const kept = await createRunDirectory(() => undefined);
  const lines: string[] = [];
  await kept.keep((text) => lines.push(text));
  t.match(lines, [kept.path]);
  await (await createRunDirectory(() => undefined)).remove();
  t.ok(existsSync(kept.path));
  await kept.remove();
});
