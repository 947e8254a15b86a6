/** What pools want done when spot recommends to move. */
import t from 'tap';
import { rebalancePolicyOf } from '../../../core/interruption/rebalance-policy.ts';

t.test('a pool says what a recommendation is worth', async (t) => {
  const pool = (value?: string) =>
    ({
      metadata: { annotations: value === undefined ? {} : { 'stowage.dev/rebalance': value } },
    }) as unknown as Parameters<typeof rebalancePolicyOf>[0];
  t.strictSame(
    [undefined, pool(), pool('ignore'), pool('replace'), pool('yes')].map(rebalancePolicyOf),
    ['ignore', 'ignore', 'ignore', 'replace', 'invalid'],
  );
});
