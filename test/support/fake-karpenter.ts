/**
 * A Karpenter that holds its Lease and does nothing else.
 *
 * In: a world. Out: a Lease that is taken, renewed every two seconds, given back or left to run out,
 * as client-go does it. What it would own is then for tests to look at: nobody else may touch it.
 */
import type { Timer } from '../../core/ports.ts';
import { karpenterLeaseName } from '../../extender/leadership/karpenter-lease.ts';
import type { World } from '../../sim/world.ts';

export interface FakeKarpenter {
  /** Takes the Lease and keeps it. */
  lead(): void;
  /** Gives it back, as on a shutdown in good order. */
  release(): void;
  /** Stops renewing, as `kill -9` does. */
  die(): void;
}

const renewMs = 2_000;
const namespace = 'karpenter';

export function fakeKarpenter({ cluster, clock }: World, identity = 'karpenter-1'): FakeKarpenter {
  const metadata = { namespace, name: karpenterLeaseName };
  let timer: Timer | undefined;

  function write(holderIdentity: string, leaseDurationSeconds: number): void {
    const renewTime = new Date(clock.nowMs()).toISOString().replace('Z', '000Z');
    const spec = { holderIdentity, leaseDurationSeconds, renewTime };
    const found = cluster.get('Lease', metadata);
    if (found === undefined) cluster.create('Lease', { metadata, spec });
    else cluster.replace('Lease', { ...found, spec });
  }

  function renew(): void {
    write(identity, 15);
    timer = clock.schedule(renewMs, renew);
  }

  function die(): void {
    timer?.cancel();
    timer = undefined;
  }

  if (cluster.get('Namespace', { name: namespace }) === undefined) {
    cluster.create('Namespace', { metadata: { name: namespace } });
  }
  return {
    lead: () => {
      die();
      renew();
    },
    release: () => {
      die();
      write('', 1);
    },
    die,
  };
}
