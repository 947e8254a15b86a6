/**
 * Runs kube-scheduler's part (see client.ts) in a process of its own.
 *
 * In: what to ask. Out: how long each answer took.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ClientReport, ClientTask } from './client.ts';

/** @throws Error if the client ends without a report */
export async function runClient(task: ClientTask): Promise<ClientReport> {
  const child = fork(new URL('./client.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  child.send(task);
  const [report] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the client ended with code ${code}`);
    }),
  ]);
  return report as ClientReport;
}
