/**
 * Kubernetes quantities, exactly.
 *
 * In: what a manifest says (`100m`, `1.5Gi`, `12E`, `1e3`, a bare number). Out: integers in the
 * units of `resources.ts`, and canonical strings back. Arithmetic is on BigInt, so that no amount is
 * rounded by floating point; the only rounding is the one asked for. It follows the grammar and the
 * limits of apimachinery's `resource.Quantity`: amounts finer than a billionth are rounded away from
 * zero, amounts beyond 2^63 - 1 are capped. It knows no pods.
 */
import { InputError } from '../errors.ts';
import type { Resources } from './resources.ts';

/** Amounts by resource name, as manifests write them. */
export type QuantityList = Readonly<Record<string, string | number>>;

/** Longest text that is read: far more than any amount needs, so that no input costs much. */
const maxTextLength = 64;

const grammar =
  /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;

const nanoDigits = 9;
const nanosPerUnit = 10n ** 9n;
const nanosPerMilli = 10n ** 6n;
const maxNanos = (2n ** 63n - 1n) * nanosPerUnit;

const binaryExponents: Readonly<Record<string, bigint>> = {
  Ki: 10n,
  Mi: 20n,
  Gi: 30n,
  Ti: 40n,
  Pi: 50n,
  Ei: 60n,
};
const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};

/**
 * The amount in billionths.
 *
 * @throws {InputError} without location if the text is not a quantity; readers add the place.
 */
export function parseQuantity(quantity: string | number): bigint {
  const text = typeof quantity === 'number' ? String(quantity) : quantity;
  const match = text.length > maxTextLength ? null : grammar.exec(text);
  if (match === null) {
    throw new InputError({}, `expected a quantity such as 500m, 2 or 1.5Gi, found "${text}"`);
  }
  const [, sign, whole = '', afterPoint, onlyFraction, binary, decimal, exponent] = match;
  const fraction = afterPoint ?? onlyFraction ?? '';
  let mantissa = BigInt(whole + fraction);
  let power = nanoDigits - fraction.length;
  if (binary !== undefined) {
    mantissa <<= binaryExponents[binary] ?? 0n;
  } else if (decimal !== undefined) {
    power += decimalExponents[decimal] ?? 0;
  } else if (exponent !== undefined) {
    power += Number(exponent);
  }
  const nanos =
    power >= 0 ? mantissa * 10n ** BigInt(power) : ceilDivide(mantissa, 10n ** BigInt(-power));
  const capped = nanos > maxNanos ? maxNanos : nanos;
  return sign === '-' ? -capped : capped;
}

/** How the integers of a resource are counted. */
export type ResourceUnit = 'milli' | 'byte' | 'count';

/** Unit of a resource by its Kubernetes name. */
export function unitOf(resource: string): ResourceUnit {
  if (resource === 'cpu') {
    return 'milli';
  }
  if (
    resource === 'memory' ||
    resource === 'ephemeral-storage' ||
    resource === 'storage' ||
    resource.startsWith('hugepages-')
  ) {
    return 'byte';
  }
  return 'count';
}

/** Millicores, rounded up. */
export function cpuMilliOf(quantity: string | number): number {
  return toSafeInteger(ceilDivide(parseQuantity(quantity), nanosPerMilli));
}

/** Bytes, rounded up. */
export function bytesOf(quantity: string | number): number {
  return toSafeInteger(ceilDivide(parseQuantity(quantity), nanosPerUnit));
}

/** Count, rounded up. */
export function countOf(quantity: string | number): number {
  return toSafeInteger(ceilDivide(parseQuantity(quantity), nanosPerUnit));
}

/** Millicores, rounded down: for what is offered, not asked. */
export function cpuMilliFloor(quantity: string | number): number {
  return toSafeInteger(floorDivide(parseQuantity(quantity), nanosPerMilli));
}

/** Bytes, rounded down: for what is offered, not asked. */
export function bytesFloor(quantity: string | number): number {
  return toSafeInteger(floorDivide(parseQuantity(quantity), nanosPerUnit));
}

/** Count, rounded down: for what is offered, not asked. */
export function countFloor(quantity: string | number): number {
  return toSafeInteger(floorDivide(parseQuantity(quantity), nanosPerUnit));
}

/** Amount of a resource in its unit, rounded up: for requests. */
export function amountOf(resource: string, quantity: string | number): number {
  return unitOf(resource) === 'milli' ? cpuMilliOf(quantity) : bytesOf(quantity);
}

/** Amount of a resource in its unit, rounded down: for capacity, allocatable and limits. */
export function amountFloor(resource: string, quantity: string | number): number {
  return unitOf(resource) === 'milli' ? cpuMilliFloor(quantity) : bytesFloor(quantity);
}

/** Requests in integers, rounded up. */
export function requestedResources(list: QuantityList): Resources {
  return mapAmounts(list, amountOf);
}

const offeredPerList = new WeakMap<QuantityList, Resources>();

/**
 * Capacity, allocatable or limits in integers, rounded down. Cached by identity of `list`, which must
 * not be changed afterwards.
 */
export function offeredResources(list: QuantityList): Resources {
  const known = offeredPerList.get(list);
  if (known !== undefined) return known;
  const offered = mapAmounts(list, amountFloor);
  offeredPerList.set(list, offered);
  return offered;
}

/** Canonical string of millicores: `1500m`, `2`. */
export function formatCpuMilli(cpuMilli: number): string {
  const whole = cpuMilli / 1000;
  return Number.isInteger(whole)
    ? scaled(whole, 1000, ['', 'k', 'M', 'G', 'T', 'P'])
    : `${cpuMilli}m`;
}

/** Shortest exact string of bytes: `1536Mi`, `1Gi`, `5M`. Binary wins a tie. */
export function formatBytes(bytes: number): string {
  const binary = scaled(bytes, 1024, ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi']);
  const decimal = scaled(bytes, 1000, ['', 'k', 'M', 'G', 'T', 'P']);
  return decimal.length < binary.length ? decimal : binary;
}

/** String of a count: plain digits. */
export function formatCount(count: number): string {
  return String(count);
}

/** Canonical string of an amount in the unit of its resource. */
export function formatAmount(resource: string, amount: number): string {
  switch (unitOf(resource)) {
    case 'milli':
      return formatCpuMilli(amount);
    case 'byte':
      return formatBytes(amount);
    case 'count':
      return formatCount(amount);
  }
}

/** Every amount as {@link formatAmount} writes it, in the order given. */
export function formatResources(resources: Resources): Record<string, string> {
  return Object.fromEntries(
    Object.entries(resources).map(([name, amount]) => [name, formatAmount(name, amount)]),
  );
}

function mapAmounts(
  list: QuantityList,
  amount: (resource: string, quantity: string | number) => number,
): Resources {
  const amounts: Record<string, number> = {};
  for (const [resource, quantity] of Object.entries(list)) {
    amounts[resource] = amount(resource, quantity);
  }
  return amounts;
}

/** The largest suffix that leaves an integer. */
function scaled(amount: number, base: number, suffixes: readonly string[]): string {
  let rest = amount;
  let step = 0;
  while (rest !== 0 && step + 1 < suffixes.length && rest % base === 0) {
    rest /= base;
    step += 1;
  }
  return `${rest}${suffixes[step] ?? ''}`;
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return -floorDivide(-dividend, divisor);
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
}

/** Amounts beyond 2^53 - 1 are capped: no node is that large, so no answer changes. */
function toSafeInteger(value: bigint): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(value)));
}
