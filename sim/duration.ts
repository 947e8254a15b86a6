/**
 * Durations as Go writes them, for annotations that shape a pod's life.
 *
 * In: text such as `1500ms` or `1m30s`. Out: milliseconds. The same annotations drive KWOK on the
 * real control plane.
 */

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const whole = /^(\d+(\.\d+)?(ms|s|m|h))+$/;

/** Milliseconds; `undefined` where the text is no duration. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined || !whole.test(text)) return undefined;
  let sum = 0;
  for (const [, amount = '0', , unit = ''] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) {
    sum += Number(amount) * (unitMs[unit] ?? 0);
  }
  return sum;
}
