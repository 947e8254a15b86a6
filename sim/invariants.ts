/**
 * What must hold in the simulated world at every moment.
 *
 * In: the cluster's and EC2's changes. Out: violations, each once. Checked after every change, and
 * sharing nothing with the product but the arithmetic of requests.
 *   overcommitted     the pods of a node request more than it has
 *   rebound           a pod's node changed
 *   refused           a kubelet refused a pod: the binder was wrong
 *   launched twice    two living instances for one NodeClaim
 *   given twice       one instance for two NodeClaims, or a NodeClaim was given another one
 */
import { offeredResources } from '../core/scheduling/quantity.ts';
import { requestsOf } from './pod-requests.ts';
import type { World } from './world.ts';

export interface Violation {
  readonly kind: 'overcommitted' | 'rebound' | 'refused' | 'launched twice' | 'given twice';
  readonly subject: string;
  readonly timeMs: number;
  readonly message: string;
}

export interface InvariantWatch {
  readonly violations: readonly Violation[];
  /** How often something was compared: a check that never ran proves nothing. */
  readonly comparisons: number;
}

/** More than this are not listed. */
const violationsMax = 1_000;

/**
 * @param claimTag the tag of an instance that names its NodeClaim
 */
export function watchInvariants(world: World, claimTag: string): InvariantWatch {
  const { cluster, clock, engine, pods } = world;
  const violations: Violation[] = [];
  const seen = new Set<string>();
  let comparisons = 0;

  function report(kind: Violation['kind'], subject: string, message: string): void {
    const id = `${kind} ${subject} ${message}`;
    if (seen.has(id) || violations.length >= violationsMax) return;
    seen.add(id);
    violations.push({ kind, subject, timeMs: clock.nowMs(), message });
  }

  function compare(nodeName: string): void {
    const node = cluster.get('Node', { name: nodeName });
    if (node === undefined) return;
    comparisons += 1;
    const requested = new Map<string, number>();
    let count = 0;
    for (const { spec, status } of pods.onNode(nodeName)) {
      if (status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
      count += 1;
      for (const [resource, amount] of Object.entries(requestsOf(spec))) {
        requested.set(resource, (requested.get(resource) ?? 0) + amount);
      }
    }
    requested.set('pods', count);
    const allocatable = offeredResources(node.status?.allocatable ?? {});
    for (const [resource, amount] of requested) {
      const offered = allocatable[resource] ?? 0;
      if (amount > offered) {
        report(
          'overcommitted',
          nodeName,
          `${resource}: ${amount} requested, ${offered} allocatable`,
        );
      }
    }
  }

  cluster.listen('Pod', ({ object, previous, type }) => {
    const { nodeName = '' } = object.spec;
    const before = previous?.spec.nodeName ?? '';
    const subject = `${object.metadata.namespace}/${object.metadata.name}`;
    if (before !== '' && before !== nodeName) {
      report('rebound', subject, `was on ${before}, is on ${nodeName}`);
    }
    const { phase, reason = '' } = (object.status ?? {}) as { phase?: string; reason?: string };
    if (phase === 'Failed' && reason.startsWith('OutOf')) {
      report('refused', subject, `${reason} on ${nodeName}`);
    }
    if (nodeName !== '' && before === '' && type !== 'deleted') compare(nodeName);
  });
  cluster.listen('Node', ({ object, type }) => {
    if (type !== 'deleted') compare(object.metadata.name);
  });
  const owners = new Map<string, string>();
  cluster.listen('NodeClaim', ({ object, previous }) => {
    const { name, uid } = object.metadata;
    const providerID = object.status?.providerID ?? '';
    const before = previous?.status?.providerID ?? '';
    if (providerID === before) return;
    comparisons += 1;
    if (before !== '') report('given twice', name, `${before}, then ${providerID}`);
    const owner = owners.get(providerID) ?? uid;
    if (owner !== uid) report('given twice', name, `${providerID} is another claim's`);
    owners.set(providerID, owner);
  });
  engine.listen(({ instance, type }) => {
    if (type !== 'state' || instance.state !== 'running') return;
    const claim = instance.tags[claimTag];
    if (claim === undefined) return;
    comparisons += 1;
    for (const other of engine.instances.values()) {
      const isAlive = other.state === 'pending' || other.state === 'running';
      if (isAlive && other.instanceId !== instance.instanceId && other.tags[claimTag] === claim) {
        report('launched twice', claim, `${other.instanceId} and ${instance.instanceId}`);
      }
    }
  });
  return {
    violations,
    get comparisons() {
      return comparisons;
    },
  };
}
