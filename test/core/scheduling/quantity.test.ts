/** Quantities against values made by apimachinery itself. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import {
  amountOf,
  bytesFloor,
  bytesOf,
  countFloor,
  countOf,
  cpuMilliFloor,
  cpuMilliOf,
  formatAmount,
  formatBytes,
  formatCount,
  formatCpuMilli,
  offeredResources,
  parseQuantity,
  requestedResources,
} from '../../../core/scheduling/quantity.ts';

interface QuantityVector {
  readonly text: string;
  readonly valid: boolean;
  readonly milli?: number;
  readonly value?: number;
  readonly decimal?: string;
}

const { quantities } = JSON.parse(
  readFileSync(new URL('../../golden/kubernetes-vectors.json', import.meta.url), 'utf8'),
) as { quantities: QuantityVector[] };

/** Kubernetes takes a suffix without digits for 0; such a text is a slip of the pen. */
const refusedHere = new Set(['m']);
/** Kubernetes counts what leaves 64 bits as 0; here it is capped. */
const cap = (2n ** 63n - 1n) * 10n ** 9n;

t.test('texts mean what apimachinery takes them for', async (t) => {
  let compared = 0;
  for (const { text, valid, milli = 0, value = 0, decimal } of quantities) {
    if (!valid || refusedHere.has(text)) {
      t.throws(() => parseQuantity(text), { name: 'InputError' }, text);
      continue;
    }
    if (text.startsWith('-') || (parseQuantity(text) === cap && value === 0)) {
      continue;
    }
    compared += 1;
    t.equal(bytesOf(text), value, `${text} in bytes`);
    t.equal(countOf(text), value, `${text} as a count`);
    if (value < Number.MAX_SAFE_INTEGER / 1000) {
      t.equal(cpuMilliOf(text), milli, `${text} in millicores`);
      t.equal(formatCpuMilli(milli), decimal, `${text} written again`);
    }
  }
  t.ok(compared > 350, `${compared} texts were compared`);
});

t.test('fractions and exponents that other parsers refuse are exact', async (t) => {
  t.equal(bytesOf('1.5Gi'), 1610612736);
  t.equal(bytesOf('0.5Mi'), 524288);
  t.equal(bytesOf('5.5k'), 5500);
  t.equal(cpuMilliOf('100m'), 100);
  t.equal(cpuMilliOf('0.1'), 100);
  t.equal(cpuMilliOf(0.1), 100);
  t.equal(cpuMilliOf(2), 2000);
  t.equal(bytesOf('1e3'), 1000);
  t.equal(bytesOf('12e0'), 12);
  t.equal(parseQuantity('2E'), 2n * 10n ** 27n);
  t.equal(parseQuantity('12E'), cap);
});

t.test('requests round up and what is offered rounds down', async (t) => {
  t.equal(cpuMilliOf('1.0001'), 1001);
  t.equal(cpuMilliFloor('1.0009'), 1000);
  t.equal(bytesOf('0.1Ki'), 103);
  t.equal(bytesFloor('0.1Ki'), 102);
  t.equal(countFloor('1.9'), 1);
  t.equal(cpuMilliFloor('-0.0001'), -1, 'down means towards minus infinity');
  t.strictSame(requestedResources({ cpu: '1.0001', memory: '0.1Ki', 'nvidia.com/gpu': 1 }), {
    cpu: 1001,
    memory: 103,
    'nvidia.com/gpu': 1,
  });
  t.strictSame(offeredResources({ cpu: '1.0009', 'ephemeral-storage': '0.1Ki', pods: '110' }), {
    cpu: 1000,
    'ephemeral-storage': 102,
    pods: 110,
  });
});

t.test('amounts beyond 2^53 are capped, not rounded to a neighbour', async (t) => {
  t.equal(bytesOf('1Ei'), Number.MAX_SAFE_INTEGER);
  t.equal(cpuMilliOf('-9E'), -Number.MAX_SAFE_INTEGER);
});

t.test('a text too long to be an amount is refused before it costs anything', async (t) => {
  t.throws(() => parseQuantity('1'.repeat(1_000_000)), { name: 'InputError' });
});

t.test('amounts are written in the shortest exact form', async (t) => {
  t.equal(formatCpuMilli(0), '0');
  t.equal(formatCpuMilli(1500), '1500m');
  t.equal(formatCpuMilli(96_000), '96');
  t.equal(formatBytes(0), '0');
  t.equal(formatBytes(1610612736), '1536Mi');
  t.equal(formatBytes(5_000_000), '5M');
  t.equal(formatBytes(1_048_576_000), '1000Mi');
  t.equal(formatBytes(1025), '1025');
  t.equal(formatCount(1000), '1000');
  t.equal(formatAmount('hugepages-2Mi', 2 ** 21), '2Mi');
  t.equal(formatAmount('cpu', 250), '250m');
  t.equal(formatAmount('nvidia.com/gpu', 8), '8');
});

t.test('what is written reads back as the same amount', async () => {
  const amount = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
  const resource = fc.constantFrom('cpu', 'memory', 'ephemeral-storage', 'pods', 'nvidia.com/gpu');
  fc.assert(
    fc.property(
      resource,
      amount,
      (name, value) => amountOf(name, formatAmount(name, value)) === value,
    ),
  );
});

t.test('reading keeps order and addition, whatever the notation', async () => {
  const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e2');
  const quantity = fc
    .tuple(fc.nat(99_999), fc.nat(999), suffix)
    .map(([whole, fraction, end]) => `${whole}.${String(fraction).padStart(3, '0')}${end}`);
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      const exact = parseQuantity(a) + parseQuantity(b);
      const rounded = BigInt(bytesOf(a) + bytesOf(b)) * 10n ** 9n;
      // Rounding up separately adds less than one unit for each.
      const close = rounded >= exact && rounded < exact + 2n * 10n ** 9n;
      const ordered = parseQuantity(a) <= parseQuantity(b) || bytesOf(a) >= bytesOf(b);
      return close && ordered;
    }),
  );
});
