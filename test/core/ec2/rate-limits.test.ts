/** Calls stay within what an account is given, and slow down when it is given less. */
import t from 'tap';
import { AdaptiveBucket, rateLimitOf } from '../../../core/ec2/rate-limits.ts';

t.test('an action has the limit of its class, a tenth left to others', async (t) => {
  t.strictSame(rateLimitOf('CreateFleet'), { size: 45, refillPerSecond: 4.5 });
  t.strictSame(rateLimitOf('DescribeInstances'), { size: 90, refillPerSecond: 18 });
  t.strictSame(rateLimitOf('TerminateInstances'), { size: 90, refillPerSecond: 4.5 });
});

t.test('what is saved up goes at once, the rest at the pace of the refill', async (t) => {
  const bucket = new AdaptiveBucket({ size: 3, refillPerSecond: 2 }, 0);
  t.strictSame(
    [1, 2, 3, 4, 5].map(() => bucket.reserveMs(0)),
    [0, 0, 0, 500, 1000],
  );
  bucket.giveBack();
  t.equal(bucket.reserveMs(0), 1000);
  t.equal(bucket.reserveMs(60_000), 0);
});

t.test('throttling halves the pace once a second, quiet brings it back', async (t) => {
  const bucket = new AdaptiveBucket({ size: 10, refillPerSecond: 8 }, 0);
  bucket.throttled(0);
  bucket.throttled(10);
  t.equal(bucket.pace, 0.5);
  t.equal(bucket.reserveMs(10), 250, 'what was saved up is not believed any more');
  bucket.throttled(1_500);
  t.equal(bucket.pace, 0.25);
  bucket.reserveMs(12_000);
  t.equal(bucket.pace, 0.5);
  bucket.reserveMs(22_000);
  t.equal(bucket.pace, 1);
  for (let at = 30_000; at < 60_000; at += 1_000) bucket.throttled(at);
  t.equal(bucket.pace, 1 / 16, 'never slower than that');
});
