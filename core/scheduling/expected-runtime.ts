/**
 * How long a pod will run, as far as anybody has said so.
 *
 * In: its annotations and its spec. Out: milliseconds, or nothing. Our annotation is an
 * expectation, `activeDeadlineSeconds` a promise of the kubelet; the shorter one holds. It learns
 * nothing from the past.
 */

/** Duration such as `90s`, `15m` or `2h30m`: when a pod is expected to end after its start. */
export const annotationExpectedRuntime = 'stowage.dev/expected-runtime';

/** Longer expectations mean the same as none; it also keeps sums exact. */
const runtimeMaxMs = 366 * 24 * 3_600_000;
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Expected runtime in milliseconds; undefined if unknown, unreadable or without end. */
export function expectedRuntimeMs(
  annotation: string | undefined,
  activeDeadlineSeconds: number | undefined,
): number | undefined {
  const expected = annotation === undefined ? undefined : durationMs(annotation);
  const promised = activeDeadlineSeconds === undefined ? undefined : activeDeadlineSeconds * 1_000;
  const shortest = Math.min(expected ?? runtimeMaxMs, promised ?? runtimeMaxMs);
  return shortest < runtimeMaxMs ? shortest : undefined;
}

function durationMs(text: string): number | undefined {
  if (!/^(?:[0-9]{1,9}(?:ms|s|m|h)){1,4}$/.test(text)) {
    return undefined;
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) {
    total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
  }
  return total;
}
