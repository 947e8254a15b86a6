/**
 * The pages of an answer, each call of its own within the rate and with its own retries.
 *
 * In: a function that asks for the page at a token. Out: the pages. A server that hands out pages for
 * ever is cut off. (The SDK's paginators end at the first call that fails.)
 */
import type { ApiCalls } from './api-calls.ts';

/** 1,000 results a page make ten million. */
const pagesMax = 10_000;

export interface Page {
  readonly NextToken?: string | undefined;
}

/** @throws AwsError */
export async function* pages<T extends Page>(
  api: ApiCalls,
  service: string,
  action: string,
  ask: (token: string | undefined, options: { abortSignal?: AbortSignal }) => Promise<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T> {
  let token: string | undefined;
  for (let count = 0; count < pagesMax; count += 1) {
    const page: T = await api.call(
      service,
      action,
      async (abortSignal) => await ask(token, abortSignal === undefined ? {} : { abortSignal }),
      { signal },
    );
    yield page;
    token = page.NextToken === '' ? undefined : page.NextToken;
    if (token === undefined) return;
  }
}
