/**
 * Durations and shares in scenarios.
 *
 * In: a field. Out: milliseconds, or a number from 0 to 1; `undefined` if it is absent; an error that
 * names the field otherwise.
 */
import type { FieldReader } from '../../catalogue/fields.ts';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** As in `90s`, `1.5h`, `1m30s`. @throws InputError */
export function parseDuration(fields: FieldReader, name: string): number | undefined {
  if (!fields.has(name)) return undefined;
  const text = String(fields.value(name));
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw fields.error(name, 'a duration such as 500ms, 30s or 1h30m');
  }
  let totalMs = 0;
  for (const [, amount, , unit = ''] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (units[unit] ?? Number.NaN);
  }
  return totalMs;
}

/** As in `0.88` or `88%`. @throws InputError */
export function parseShare(fields: FieldReader, name: string): number | undefined {
  if (!fields.has(name)) return undefined;
  const text = String(fields.value(name));
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(share >= 0 && share <= 1)) throw fields.error(name, 'a share such as 0.3 or 30%');
  return share;
}
