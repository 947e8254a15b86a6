/**
 * Durations as the API writes them: Go's notation.
 *
 * In: text such as `1h30m`, `1.5h`, `250ms`. Out: milliseconds, or nothing where the text is no
 * duration. `Never` is none: who reads a field that may say so asks for that word first. Source:
 * Go's `time.ParseDuration`; parts below a millisecond are kept as fractions.
 */

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const whole = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/;
const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g;
/** Longest text that is read: far more than any duration needs. */
const textCharsMax = 64;

/** Milliseconds; undefined if the text is no duration. `0` has no unit in Go either. */
export function durationMs(text: string): number | undefined {
  if (text === '0' || text === '+0' || text === '-0') return 0;
  const match = text.length > textCharsMax ? null : whole.exec(text);
  if (match === null) return undefined;
  const [, sign, parts = ''] = match;
  let total = 0;
  for (const [, amount, unit = ''] of parts.matchAll(part)) {
    total += Number(amount) * (unitMs[unit] ?? 0);
  }
  return sign === '-' ? -total : total;
}
