/**
 * Starts an extender that decides nothing (see echo.ts).
 *
 * In: nothing. Out: its address, and its end.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export async function startEcho() {
  const child = fork(new URL('./echo.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const [url] = await once(child, 'message');
  return { url: String(url), stop: () => child.disconnect() };
}
