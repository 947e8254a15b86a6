/** A Karpenter beside us is seen while it holds its Lease, wherever that is. */
import t from 'tap';
import { ClusterError } from '../../../core/ports.ts';
import {
  karpenterLeads,
  karpenterLeaseName,
  watchKarpenter,
} from '../../../extender/leadership/karpenter-lease.ts';
import { scriptedFaults } from '../../../sim/faults.ts';
import { createWorld } from '../../../sim/world.ts';

function setUp() {
  const world = createWorld({ seed: 1, types: [] });
  const faults = scriptedFaults();
  const ports = world.startProcess('stowage', { faults });
  const namespace = 'kube-system';
  const hold = (holderIdentity: string, renewedMs: number): void => {
    const renewTime = new Date(renewedMs).toISOString().replace('Z', '000Z');
    const spec = { holderIdentity, renewTime, leaseDurationSeconds: 15 };
    const metadata = { namespace, name: karpenterLeaseName };
    const found = world.cluster.get('Lease', metadata);
    if (found === undefined) world.cluster.create('Lease', { metadata, spec });
    else world.cluster.replace('Lease', { ...found, spec });
  };
  const leads = async () => await world.clock.settle(karpenterLeads(ports));
  return { world, faults, ports, hold, leads };
}

t.test('no Lease, a Lease of another name and one given back are no Karpenter', async (t) => {
  const { world, hold, leads } = setUp();
  t.equal(await leads(), false);
  world.cluster.create('Lease', {
    metadata: { namespace: 'kube-system', name: 'kube-scheduler' },
    spec: { holderIdentity: 'x', renewTime: new Date(world.clock.nowMs()).toISOString() },
  });
  t.equal(await leads(), false);
  hold('', world.clock.nowMs());
  t.equal(await leads(), false);
});

t.test('a Lease that was renewed lately is held, one from yesterday is not', async (t) => {
  const { world, hold, leads } = setUp();
  hold('karpenter-1', world.clock.nowMs() - 30_000);
  t.equal(await leads(), true, 'clocks may differ by a minute');
  await world.clock.advance(3_600_000);
  t.equal(await leads(), false);
});

t.test('the watch tells when a Karpenter comes and goes', async (t) => {
  const { world, ports, hold } = setUp();
  const end = new AbortController();
  const told: boolean[] = [];
  const watch = watchKarpenter({
    ...ports,
    signal: end.signal,
    onChange: (is) => void told.push(is),
  });
  t.equal(watch.isLeading, true, 'nothing is known yet');
  await world.clock.settle(watch.known);
  t.equal(watch.isLeading, false);
  hold('karpenter-1', world.clock.nowMs());
  await world.clock.advance(4_000);
  t.equal(watch.isLeading, true, 'within seconds');
  await world.clock.advance(25_000);
  t.equal(watch.isLeading, true, 'another replica may still take it over');
  await world.clock.advance(15_000);
  t.equal(watch.isLeading, false, 'it has died');
  t.strictSame(told, [false, true, false]);
  end.abort(new Error('stopped'));
  await world.clock.settle(watch.done);
});

t.test('a Karpenter that is rolled out anew leads all the while', async (t) => {
  const { world, ports, hold } = setUp();
  hold('karpenter-1', world.clock.nowMs());
  const end = new AbortController();
  const told: boolean[] = [];
  watchKarpenter({ ...ports, signal: end.signal, onChange: (is) => void told.push(is) });
  await world.clock.advance(10_000);
  hold('', world.clock.nowMs());
  await world.clock.advance(12_000);
  hold('karpenter-2', world.clock.nowMs());
  await world.clock.advance(10_000);
  t.strictSame(told, [true]);
  hold('', world.clock.nowMs());
  await world.clock.advance(14_000);
  t.strictSame(told, [true], 'not free for its duration');
  await world.clock.advance(8_000);
  t.strictSame(told, [true, false]);
  end.abort(new Error('stopped'));
});

t.test('a Lease given back just before we came may be taken again', async (t) => {
  const { world, ports, hold } = setUp();
  hold('', world.clock.nowMs() - 5_000);
  const end = new AbortController();
  const watch = watchKarpenter({ ...ports, signal: end.signal });
  await world.clock.settle(watch.known);
  t.equal(watch.isLeading, true);
  await world.clock.advance(20_000);
  t.equal(watch.isLeading, false);
  const later = watchKarpenter({ ...ports, signal: end.signal });
  await world.clock.settle(later.known);
  t.equal(later.isLeading, false, 'by then it has long been free');
  end.abort(new Error('stopped'));
});

t.test('a Karpenter whose clock is hours behind is seen by what it does', async (t) => {
  const { world, ports, hold } = setUp();
  const behindMs = 7_200_000;
  hold('karpenter-1', world.clock.nowMs() - behindMs);
  const end = new AbortController();
  const watch = watchKarpenter({ ...ports, signal: end.signal });
  await world.clock.settle(watch.known);
  t.equal(watch.isLeading, false, 'at first it looks dead');
  for (let n = 0; n < 12; n += 1) {
    await world.clock.advance(5_000);
    hold('karpenter-1', world.clock.nowMs() - behindMs);
  }
  t.equal(watch.isLeading, true);
  await world.clock.advance(60_000);
  t.equal(watch.isLeading, false);
  end.abort(new Error('stopped'));
});

t.test('as long as nothing is known a Karpenter is assumed', async (t) => {
  const { world, ports, faults } = setUp();
  const error = new ClusterError('Unavailable', 'connect ECONNREFUSED');
  faults.add({ matches: () => true, fault: { type: 'refuse', error }, times: 5 });
  const end = new AbortController();
  const failures: string[] = [];
  const watch = watchKarpenter({
    ...ports,
    signal: end.signal,
    onFailure: ({ code }) => void failures.push(code),
  });
  await world.clock.advance(5_000);
  t.equal(watch.isLeading, true);
  await world.clock.settle(watch.known);
  t.equal(watch.isLeading, false);
  t.equal(failures.length, 5);
  end.abort(new Error('stopped'));
  await world.clock.settle(watch.done);
});
