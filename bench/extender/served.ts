/**
 * Starts an extender without a cluster behind it (see serve.ts).
 *
 * In: which one, names of nodes. Out: its address, and its end.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ServeTask } from './serve.ts';

/** An extender in a process of its own. */
export async function startExtender(kind: ServeTask['kind'], names: readonly string[]) {
  const child = fork(new URL('./serve.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.send({ kind, names } satisfies ServeTask);
  const [url] = await once(child, 'message');
  return { url: String(url), stop: () => child.disconnect() };
}
