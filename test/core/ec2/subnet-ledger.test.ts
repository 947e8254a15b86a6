/** Addresses are counted before EC2 counts them. */
import t from 'tap';
import { countLagMs, fullMs, SubnetLedger } from '../../../core/ec2/subnet-ledger.ts';

const zone = 'us-east-1a';
const subnet = (id: string, freeAddresses: number) => ({
  id,
  zone,
  zoneId: 'use1-az1',
  freeAddresses,
});

t.test('launches on their way take addresses, those that failed give them back', async (t) => {
  const ledger = new SubnetLedger();
  ledger.observe([subnet('a', 27), subnet('b', 20)], 0);
  t.equal(ledger.roomiest(['a', 'b'], 10, 0), 'a');
  const first = ledger.book({ subnetId: 'a', addresses: 10 });
  t.equal(ledger.free('a', 0), 17);
  t.equal(ledger.roomiest(['a', 'b'], 10, 0), 'b');
  const second = ledger.book({ subnetId: 'b', addresses: 20 });
  t.equal(ledger.roomiest(['a', 'b'], 18, 0), undefined, 'no room is no room');
  ledger.settle(second, false, 0);
  t.equal(ledger.free('b', 0), 20);
  ledger.settle(first, true, 0);
  ledger.observe([subnet('a', 27)], countLagMs);
  t.equal(ledger.free('a', countLagMs), 17, 'EC2 may not have counted it yet');
  ledger.observe([subnet('a', 17)], countLagMs + 1);
  t.equal(ledger.free('a', countLagMs + 1), 17, 'now it has');
});

t.test('a full subnet is left alone until EC2 tells of room', async (t) => {
  const ledger = new SubnetLedger();
  ledger.observe([subnet('a', 5)], 0);
  ledger.markFull('a', 0);
  t.equal(ledger.free('a', 1), 0);
  t.equal(ledger.free('a', fullMs), 5);
  ledger.markFull('a', fullMs);
  ledger.observe([subnet('a', 5)], fullMs + 1);
  t.equal(ledger.free('a', fullMs + 1), 0, 'the same count is no news');
  ledger.observe([subnet('a', 9)], fullMs + 2);
  t.equal(ledger.free('a', fullMs + 2), 9);
});

t.test('a subnet that nobody told of is not known, and has no room to count on', async (t) => {
  const ledger = new SubnetLedger();
  t.notOk(ledger.knows('a'));
  t.equal(ledger.free('a', 0), 0);
  ledger.observe([subnet('a', 1)], 10);
  t.strictSame(ledger.stale(['a', 'b'], 10), ['b']);
  t.strictSame(ledger.stale(['a', 'b'], 11), ['a', 'b']);
});
