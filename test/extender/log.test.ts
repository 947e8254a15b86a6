/** The shape of a line of the log. */
import { Writable } from 'node:stream';
import t from 'tap';
import { createLog } from '../../extender/log.ts';

function recorder() {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { lines, stream };
}

t.test('a line is one JSON object: level in words, time as RFC 3339, who, what', async (t) => {
  const { lines, stream } = recorder();
  const log = createLog({ level: 'info', version: '1.2.3', stream });
  log.child({ component: 'extender' }).info({ kind: 'Node', name: 'a' }, 'it is open');
  log.debug('not at this level');
  t.equal(lines.length, 1);
  const [line] = lines;
  t.match(line, {
    level: 'info',
    version: '1.2.3',
    component: 'extender',
    kind: 'Node',
    name: 'a',
    msg: 'it is open',
  });
  t.match(line?.['time'], /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$/);
});

t.test('an error is logged with its stack and its cause', async (t) => {
  const { lines, stream } = recorder();
  const log = createLog({ level: 'error', version: '1', stream });
  log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'it failed');
  t.match(lines[0], { err: { type: 'Error', message: /outer/, stack: /inner/ } });
});
