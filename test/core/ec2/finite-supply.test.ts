/** What is left of reservations and of addresses, between what EC2 tells and what was launched. */
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { addressSupplies } from '../../../core/ec2/address-supply.ts';
import { launchTemplateContent } from '../../../core/ec2/launch-template.ts';
import { ReservationLedger } from '../../../core/ec2/reservation-ledger.ts';
import { SubnetLedger } from '../../../core/ec2/subnet-ledger.ts';

function classOf(name: string, ...subnets: string[]): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name },
    spec: { amiSelectorTerms: [], subnetSelectorTerms: [], securityGroupSelectorTerms: [] },
    status: { subnets: subnets.map((id) => ({ id, zone: `zone-${id.charAt(0)}` })) },
  };
}

function told(...subnets: readonly (readonly [string, number])[]): SubnetLedger {
  const ledger = new SubnetLedger();
  const list = subnets.map(([id, freeAddresses]) => ({
    id,
    zone: `zone-${id.charAt(0)}`,
    zoneId: '',
    freeAddresses,
  }));
  ledger.observe(list, 0);
  return ledger;
}

t.test('launches are taken off until EC2 has counted them, and not twice', async (t) => {
  const ledger = new ReservationLedger();
  t.equal(ledger.left('cr-1'), undefined);
  ledger.observe([{ id: 'cr-1', availableCount: 5 }], 0);
  ledger.launched('cr-1', 1_000);
  ledger.launched('cr-1', 2_000);
  t.equal(ledger.left('cr-1'), 3);
  ledger.observe([{ id: 'cr-1', availableCount: 4 }], 3_000);
  t.equal(ledger.left('cr-1'), 2, 'one may be missing in it, both are taken off');
  ledger.observe([{ id: 'cr-1', availableCount: 3 }], 40_000);
  t.equal(ledger.left('cr-1'), 3, 'by now it has them all');
  ledger.launched('cr-1', 41_000);
  ledger.observe([{ id: 'cr-1', availableCount: 2 }], 42_000);
  t.equal(ledger.left('cr-1'), 2, 'as low as was reckoned: it has them all already');
  ledger.launched('cr-1', 43_000);
  ledger.launched('cr-1', 43_000);
  ledger.launched('cr-1', 43_000);
  t.equal(ledger.left('cr-1'), 0, 'never below');
});

t.test('classes with the same subnets share one supply per zone', async (t) => {
  const ledger = told(['a1', 20], ['a2', 30], ['b1', 40]);
  const classes = [classOf('one', 'a1', 'a2', 'b1'), classOf('two', 'b1', 'a2', 'a1')];
  const both = new Set(['one', 'two']);
  t.strictSame(addressSupplies(classes, ledger, 0), [
    { zone: 'zone-a', subnetIds: ['a1', 'a2'], free: [20, 30], nodeClasses: both },
    { zone: 'zone-b', subnetIds: ['b1'], free: [40], nodeClasses: both },
  ]);
});

t.test('classes that share some subnets count against each other', async (t) => {
  const ledger = told(['a1', 20], ['a2', 30], ['a3', 40]);
  const classes = [classOf('one', 'a1', 'a2'), classOf('two', 'a2'), classOf('three', 'a3')];
  t.strictSame(
    addressSupplies(classes, ledger, 0).map(({ free, nodeClasses }) => [free, [...nodeClasses]]),
    [
      [
        [20, 30],
        ['one', 'two'],
      ],
      [[30], ['one', 'two']],
      [[40], ['three']],
    ],
  );
});

t.test('launches on their way stay in the supply, ended ones do not', async (t) => {
  const ledger = told(['a1', 50]);
  const freeNow = (): readonly number[] | undefined =>
    addressSupplies([classOf('one', 'a1')], ledger, 1_000)[0]?.free;
  const held = ledger.book({ subnetId: 'a1', addresses: 20 });
  t.strictSame([freeNow(), ledger.free('a1', 1_000)], [[50], 30]);
  ledger.settle(held, true, 1_000);
  t.strictSame(freeNow(), [30]);
  ledger.markFull('a1', 1_000);
  t.strictSame(freeNow(), [0]);
});

t.test('of a subnet that EC2 has not told of nothing is said', async (t) => {
  t.strictSame(addressSupplies([classOf('one', 'a1', 'a2')], told(['a1', 20]), 0), []);
});

t.test('a template names its reservation, and a block its market', async (t) => {
  const question = { nodeClass: classOf('one'), imageId: 'ami-1', userData: '', tags: {} };
  const contentOf = (kind: 'default' | 'capacity-block') =>
    launchTemplateContent({
      ...question,
      isIPv6: false,
      efaCount: 0,
      reservation: { id: 'cr-1', kind },
    });
  const target = { CapacityReservationTarget: { CapacityReservationId: 'cr-1' } };
  t.match(contentOf('default'), { CapacityReservationSpecification: target });
  t.notOk('InstanceMarketOptions' in contentOf('default'));
  t.match(contentOf('capacity-block'), {
    CapacityReservationSpecification: target,
    InstanceMarketOptions: { MarketType: 'capacity-block' },
  });
});
