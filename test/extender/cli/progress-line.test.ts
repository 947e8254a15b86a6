/** The line of progress: on a terminal, on a long search, and nowhere else. */
import { mock } from 'node:test';
import t from 'tap';
import { progressWords, startProgressLine } from '../../../extender/cli/progress-line.ts';

function fakeTerminal(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string): boolean => {
    written.push(text);
    return true;
  };
  return { written, stream: { isTTY, write } as Parameters<typeof startProgressLine>[0] };
}

t.beforeEach(() => mock.timers.enable({ apis: ['setInterval', 'Date'] }));
t.afterEach(() => mock.timers.reset());

t.test('a long search on a terminal shows one line and removes it in the end', (t) => {
  const { written, stream } = fakeTerminal(true);
  const line = startProgressLine(stream);
  mock.timers.tick(900);
  t.strictSame(written, [], 'nothing within the first second');
  line.onProgress(500, 2e9, 1.9e9);
  mock.timers.tick(100);
  mock.timers.tick(200);
  t.strictSame(written, [
    '\r\x1b[2K1.0 s  $2.0000 per hour, at least $1.9000, gap 5.0 %',
    '\r\x1b[2K1.2 s  $2.0000 per hour, at least $1.9000, gap 5.0 %',
  ]);
  line.stop();
  t.equal(written.at(-1), '\r\x1b[2K');
  const before = written.length;
  mock.timers.tick(5000);
  t.equal(written.length, before, 'nothing after the end');
  t.end();
});

t.test('a short search writes nothing at all', (t) => {
  const { written, stream } = fakeTerminal(true);
  const line = startProgressLine(stream);
  mock.timers.tick(400);
  line.stop();
  t.strictSame(written, []);
  t.end();
});

t.test('what is not a terminal gets no progress', (t) => {
  const { written, stream } = fakeTerminal(false);
  const line = startProgressLine(stream);
  mock.timers.tick(10_000);
  line.stop();
  t.strictSame(written, []);
  t.end();
});

t.test('without a bound no gap is told', (t) => {
  t.equal(progressWords(2e9, 0), '$2.0000 per hour');
  t.equal(progressWords(0, 0), '$0.0000 per hour');
  t.end();
});
