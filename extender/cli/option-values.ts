/**
 * From the words of a command line to values with units.
 *
 * In: one option's text. Out: a number in the unit that the inside uses (milliseconds, ratio,
 * nano-USD). It knows no command; each function rejects with commander's InvalidArgumentError, so
 * that the user reads which option was wrong and what it takes.
 */
import { InvalidArgumentError } from 'commander';

/** Longest solve that may be asked for: a day. Keeps deadlines inside 32-bit timers. */
export const timeLimitMsMax = 24 * 60 * 60 * 1000;

/** Dearest per-node cost, USD per hour: beyond any instance's price it only breaks the search. */
export const nodeCostUsdMax = 1000;

const msPerUnit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * `500ms`, `5s`, `1.5m`, `1h`, and compounds as in `1m30s`, in whole milliseconds, at least 1. A
 * bare number is seconds.
 */
export function parseDurationMs(input: string): number {
  const text = /^\d+(\.\d+)?$/.test(input) ? `${input}s` : input;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) {
    throw new InvalidArgumentError('Expected a duration such as 500ms, 5s or 1m30s.');
  }
  let totalMs = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) {
    totalMs += Number(amount) * (msPerUnit[unit ?? ''] ?? Number.NaN);
  }
  const wholeMs = Math.round(totalMs);
  if (!(wholeMs >= 1 && wholeMs <= timeLimitMsMax)) {
    throw new InvalidArgumentError('Expected a duration from 1ms to 24h.');
  }
  return wholeMs;
}

/** A parser of ratios in [0, max): `0.001`, or the same as `0.1%`. */
export function ratioParser(max: number): (text: string) => number {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text);
    const ratio = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    if (!(ratio >= 0 && ratio < max)) {
      throw new InvalidArgumentError(
        `Expected a ratio of at least 0 and below ${max}, such as 0.05 or 5%.`,
      );
    }
    return ratio;
  };
}

/** A parser of whole numbers from `min` to `max`. */
export function integerParser(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** USD per hour, as in `0.005`, to integer nano-USD per hour. */
export function parseNodeCostNano(text: string): number {
  const usd = /^(\d+(\.\d+)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  if (!(usd >= 0 && usd <= nodeCostUsdMax)) {
    throw new InvalidArgumentError(`Expected USD per hour from 0 to ${nodeCostUsdMax}.`);
  }
  return Math.round(usd * 1e9);
}

/** `measured`, or the share of nominal memory that the hypervisor and kernel keep. */
export function parseMemoryOverhead(text: string): 'measured' | number {
  if (text === 'measured') return text;
  try {
    return ratioParser(1)(text);
  } catch {
    throw new InvalidArgumentError(
      "Expected 'measured', or a ratio of at least 0 and below 1, such as 0.075 (Karpenter's).",
    );
  }
}

/** Collects a repeatable option's values in order. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** Slowest and fastest that a simulated world may run, simulated seconds per second. */
export const speedMin = 0.1;
export const speedMax = 1000;

/** `10`, or `10x`. */
export function parseSpeed(text: string): number {
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  const speed = match === null ? Number.NaN : Number(match[1]);
  if (!(speed >= speedMin && speed <= speedMax)) {
    throw new InvalidArgumentError(`Expected a factor from ${speedMin} to ${speedMax}.`);
  }
  return speed;
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 0 && port <= 65_535)) {
    throw new InvalidArgumentError('Expected host:port, such as 127.0.0.1:8080 or [::1]:8080.');
  }
  return { host, port };
}
