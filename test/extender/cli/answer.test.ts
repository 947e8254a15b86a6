/** Where the answer of a command is written, and what is said if it cannot be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkDestination, writeAnswer } from '../../../extender/cli/answer.ts';

t.test('a file gets all chunks in order', async (t) => {
  const file = join(t.testdir({}), 'answer.txt');
  const chunks = Array.from({ length: 300 }, (_, index) => `${index} ${'x'.repeat(1000)}\n`);
  await writeAnswer(chunks, file);
  t.equal(readFileSync(file, 'utf8'), chunks.join(''));
});

t.test('a file that cannot be written is named', async (t) => {
  const file = join(t.testdir({}), 'no-such-folder', 'answer.txt');
  await t.rejects(writeAnswer(['x'], file), {
    name: 'InputError',
    message: /answer\.txt: cannot be written: .*no such file/,
  });
});

t.test('a destination that cannot be is refused before the work', async (t) => {
  const folder = t.testdir({});
  await t.resolves(checkDestination(undefined));
  await t.resolves(checkDestination(join(folder, 'plan.json')));
  await t.rejects(checkDestination(join(folder, 'missing', 'plan.json')), { name: 'InputError' });
});
