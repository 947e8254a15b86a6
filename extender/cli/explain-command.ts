/**
 * `stowage explain`: asks a running service and prints what it answers.
 *
 * In: parsed options. Out: the explanation on standard output, and exit code 0. It knows nothing of
 * the cluster but what the service tells.
 */

import { InputError } from '../../core/errors.ts';
import type { NodeExplanation, PodExplanation } from '../../core/explain/explanation.ts';
import { type Answered, explanationText } from '../output/explanation-text.ts';
import { writeAnswer } from './answer.ts';
import type { ExplainCommandOptions } from './explain-program.ts';
import { tableStyle } from './table-style.ts';

const deadlineMs = 10_000;

/** @throws InputError if there is no answer, or no such object */
export async function runExplain(options: ExplainCommandOptions): Promise<number> {
  const { kind, name, namespace, server, output } = options;
  const path = kind === 'pod' ? [namespace, name] : [name];
  const url = `${server}/api/v1/explain/${[kind, ...path].map(encodeURIComponent).join('/')}`;
  const explanation = await ask(url, kind === 'pod' ? 'Pod' : 'Node');
  const text =
    output === 'json'
      ? `${JSON.stringify(explanation, undefined, 2)}\n`
      : explanationText(explanation, tableStyle(undefined));
  await writeAnswer([text], undefined);
  return 0;
}

async function ask(
  url: string,
  kind: 'Pod' | 'Node',
): Promise<Answered<PodExplanation | NodeExplanation>> {
  const { status, text } = await get(url);
  const answer = parsed(text);
  if (status === 200 && answer?.['kind'] === kind) {
    return answer as unknown as Answered<PodExplanation | NodeExplanation>;
  }
  const told = answer?.['error'];
  // Whatever else listens there answers 404, too, but not in these words.
  if (status === 404 && typeof told === 'string' && told.startsWith('there is ')) {
    throw new InputError({}, told);
  }
  throw new InputError({}, `${url} answers ${status}, and not as a stowage service does`);
}

async function get(url: string): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(deadlineMs) });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
    throw new InputError({}, `no service answers at ${url}: ${reason}`);
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
