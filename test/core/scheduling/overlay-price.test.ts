/** Prices that overlays make: Karpenter's table, in integers. */
import * as fc from 'fast-check';
import t from 'tap';
import { adjustedPrice } from '../../../core/scheduling/overlay-price.ts';

const usd = (price: number): number => Math.round(price * 1e9);

t.test("adjustments come out as Karpenter's", (t) => {
  for (const [priceAdjustment, price, expected] of [
    ['-10%', 10, 9],
    ['+10%', 10, 11],
    ['-50%', 10, 5],
    ['+100%', 10, 20],
    ['-100%', 10, 0],
    ['-25%', 1.5, 1.125],
    ['-27.5%', 0.096, 0.0696],
    ['+0', 10, 10],
    ['+5', 10, 15],
    ['-2.5', 10, 7.5],
    ['-10', 10, 0],
    ['-15', 10, 0],
    ['+.75', 1.25, 2],
    ['+100', 0.001, 100.001],
    ['+0.0001', 0.0001, 0.0002],
  ] as const) {
    t.equal(adjustedPrice(usd(price), { priceAdjustment }), usd(expected), priceAdjustment);
  }
  t.end();
});

t.test('a price stands for itself, whatever it was', (t) => {
  t.equal(adjustedPrice(usd(82_781), { price: '80.0' }), usd(80));
  t.equal(adjustedPrice(usd(1), { price: '0' }), 0);
  t.equal(adjustedPrice(usd(1), { price: '0.0000000005' }), 1, 'rounded to a billionth');
  t.equal(adjustedPrice(usd(1), {}), usd(1));
  t.end();
});

t.test('a percentage is exact in integers, and never below nothing', (t) => {
  fc.assert(
    fc.property(
      fc.nat(10_000_000_000_000),
      fc.integer({ min: -1000, max: 1000 }),
      (price, tenths) => {
        const text = `${tenths < 0 ? '-' : '+'}${Math.trunc(Math.abs(tenths) / 10)}.${Math.abs(tenths) % 10}%`;
        const exact = (BigInt(price) * BigInt(1000 + tenths) * 2n + 1000n) / 2000n;
        return adjustedPrice(price, { priceAdjustment: text }) === Number(exact);
      },
    ),
  );
  t.end();
});
