/** A bucket gives what it holds at once, then what comes in. */
import t from 'tap';
import { TokenBucket } from '../../../extender/records/token-bucket.ts';

t.test('so many at once, then so many per second, never more than it holds', async (t) => {
  const bucket = new TokenBucket(2, 4, 1_000);
  t.strictSame([bucket.take(1_000), bucket.take(1_000), bucket.take(1_000)], [true, true, false]);
  t.equal(bucket.waitMs(1_000), 250);
  t.equal(bucket.take(1_249), false);
  t.equal(bucket.take(1_250), true);
  t.equal(bucket.waitMs(1_250), 250);
  t.strictSame([bucket.take(9e6), bucket.take(9e6), bucket.take(9e6)], [true, true, false]);
});
