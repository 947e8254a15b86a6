/**
 * Pods, nodes and request bodies for tests of the extender.
 *
 * Defaults are the plainest thing there is; a test names what it is about.
 */
import type { ExtenderNode, NodeStanding } from '../../core/scheduling/extender-view.ts';
import type { AskingPod, NodeReservation } from '../../core/scheduling/reservation.ts';

/** When tests are; any number will do. */
export const nowMs = 1_700_000_000_000;

export function askingPod(overrides: Partial<AskingPod> = {}): AskingPod {
  return {
    namespace: 'default',
    name: 'asker',
    uid: 'uid-asker',
    isDaemon: false,
    expectedRuntimeMs: undefined,
    ...overrides,
  };
}

export function reservation(overrides: Partial<NodeReservation> = {}): NodeReservation {
  return {
    owners: new Set(['uid-owner']),
    expiresAtMs: nowMs + 60_000,
    fence: 'binding',
    ...overrides,
  };
}

export function standing(overrides: Partial<NodeStanding> = {}): NodeStanding {
  return {
    isLeaving: false,
    isManaged: true,
    workloadPods: 3,
    fullnessPermille: 500,
    unitPriceNanoUsdPerHour: 30_000_000,
    expectedEndMs: undefined,
    ...overrides,
  };
}

export function extenderNode(name: string, overrides: Partial<ExtenderNode> = {}): ExtenderNode {
  return { name, reservation: undefined, standing: undefined, ...overrides };
}

/** A pod as kube-scheduler sends it, as far as anybody looks. */
export function podJson(metadata: Readonly<Record<string, unknown>> = {}): object {
  return {
    metadata: { name: 'asker', namespace: 'default', uid: 'uid-asker', ...metadata },
    spec: { containers: [{ name: 'main', image: 'main' }] },
    status: { phase: 'Pending' },
  };
}

/** The body of filter or prioritize in the mode of node names, as Go writes it. */
export function namesBody(names: readonly string[], pod: object = podJson()): Buffer {
  return Buffer.from(JSON.stringify({ Pod: pod, Nodes: null, NodeNames: names }));
}

/** The same in the mode of whole nodes. */
export function nodesBody(names: readonly string[], pod: object = podJson()): Buffer {
  const items = names.map((name) => ({
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: { allocatable: { cpu: '4' } },
  }));
  return Buffer.from(JSON.stringify({ Pod: pod, Nodes: { metadata: {}, items }, NodeNames: null }));
}
