// The cluster as it will be: claims as nodes, planned pods on them, what leaves left out.

import * as fc from 'fast-check';
import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { Node } from '../../../core/api/kubernetes.ts';
import { disruptedTaint, reservedTaint } from '../../../core/api/labels.ts';
import type { NodeClaim, NodeClaimStatus } from '../../../core/api/nodeclaim.ts';
import { type PlanningFacts, planningSnapshot } from '../../../core/provisioning/in-flight.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../../core/state/snapshot.ts';
import { allSteps } from '../../../core/steps.ts';
import { liveClaim } from '../../support/claim-world.ts';
import { nodeOf, podsOf, poolOf, specOf } from '../../support/cluster-builders.ts';

const spec = specOf({ cpu: '1' });
const pod = (name: string, nodeName = ''): SnapshotPod => {
  const [made] = podsOf(name, 1, spec, { nodeName });
  if (made === undefined) throw new Error('no pod');
  return made;
};
const uid = (name: string): string => `${name}-0`;

function claim(name: string, status: NodeClaimStatus = {}, isLeaving = false): Live<'NodeClaim'> {
  const { metadata, ...rest } = liveClaim({}, status);
  const deletion = isLeaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return { ...rest, metadata: { ...metadata, name, ...deletion } };
}

const registered = (providerID: string): NodeClaimStatus => ({
  providerID,
  conditions: [{ type: 'Registered', status: 'True' }],
});

function node(name: string, taints: NonNullable<Node['spec']>['taints'] = []): Node {
  const made = nodeOf(name, { taints });
  return { ...made, spec: { ...made.spec, providerID: `id-${name}` } };
}

interface Shape {
  readonly pods?: readonly SnapshotPod[];
  readonly nodes?: readonly Node[];
  readonly claims?: readonly Live<'NodeClaim'>[];
  readonly pending?: readonly SnapshotPod[];
  readonly planned?: Readonly<Record<string, string>>;
  readonly withOpenNodes?: boolean;
  readonly isOurs?: (claim: NodeClaim) => boolean;
}

function planning(shape: Shape) {
  const snapshot: ClusterSnapshot = {
    pods: shape.pods ?? [],
    nodes: shape.nodes ?? [],
    daemonSets: [],
    nodePools: [],
    nodeClasses: [],
    namespaceLabels: new Map(),
  };
  const facts: PlanningFacts = {
    snapshot,
    claims: shape.claims ?? [],
    pending: new Set(shape.pending ?? []),
    claimOfPod: new Map(Object.entries(shape.planned ?? {})),
    isOurs: shape.isOurs ?? (() => true),
    nodePools: [poolOf('general')],
    withOpenNodes: shape.withOpenNodes ?? true,
  };
  const { snapshot: result, inFlight } = allSteps(planningSnapshot(facts));
  return {
    nodes: result.nodes.map(({ metadata }) => metadata.name ?? '').toSorted(),
    pods: result.pods.map(({ name, nodeName }) => `${name}@${nodeName}`).toSorted(),
    inFlight: [...inFlight.keys()].toSorted(),
    result,
  };
}

t.test('a claim without node is a node of its name, with its pods on it', async (t) => {
  const pods = [pod('a'), pod('b')];
  const seen = planning({
    pods,
    claims: [claim('claim-1', { allocatable: { cpu: '4' } })],
    pending: pods.slice(1),
    planned: { [uid('a')]: 'claim-1' },
  });
  t.strictSame(seen.nodes, ['claim-1']);
  t.strictSame(seen.inFlight, ['claim-1']);
  t.strictSame(seen.pods, ['a-0@claim-1', 'b-0@']);
  t.strictSame(seen.result.nodes[0]?.spec?.taints, [], 'the hold is not for its own pods');
  t.equal(seen.result.nodes[0]?.status?.allocatable?.['cpu'], '4');
});

t.test('a node that has registered stands for its claim, held or open', async (t) => {
  const claims = [claim('claim-1', registered('id-n1')), claim('claim-2', registered('id-n2'))];
  const seen = planning({
    pods: [pod('a'), pod('b', 'n2')],
    nodes: [node('n1', [{ ...reservedTaint }]), node('n2')],
    claims,
    planned: { [uid('a')]: 'claim-1' },
  });
  t.strictSame(seen.nodes, ['n1', 'n2']);
  t.strictSame(seen.inFlight, ['n1']);
  t.strictSame(seen.pods, ['a-0@n1', 'b-0@n2']);
  t.ok(seen.result.nodes.every(({ spec: own }) => (own?.taints ?? []).length === 0));
});

t.test('before it has registered a node counts once, as its claim', async (t) => {
  const seen = planning({
    nodes: [node('n1')],
    claims: [claim('claim-1', { providerID: 'id-n1' })],
  });
  t.strictSame(seen.nodes, ['claim-1']);
});

t.test('nodes that leave are no room for anybody, and their pods no load', async (t) => {
  const seen = planning({
    pods: [pod('a', 'n1'), pod('b', 'n2'), pod('c', 'n3')],
    nodes: [node('n1', [{ ...disruptedTaint }]), node('n2'), node('n3')],
    claims: [claim('claim-2', registered('id-n2'), true)],
    planned: { [uid('x')]: 'claim-2' },
  });
  t.strictSame(seen.nodes, ['n3']);
  t.strictSame(seen.pods, ['c-0@n3']);
});

t.test('pods that nobody plans for now are left out', async (t) => {
  const pods = [pod('a'), pod('b')];
  t.strictSame(planning({ pods, pending: pods.slice(0, 1) }).pods, ['a-0@']);
});

t.test('a pod that has changed since it was found pending is still planned for', async (t) => {
  const old = pod('a');
  t.strictSame(planning({ pods: [{ ...old, priority: 7 }], pending: [old] }).pods, ['a-0@']);
});

t.test('for pods that open nodes have failed, those still count but take nobody', async (t) => {
  const shape = { pods: [pod('a'), pod('b', 'n1')], nodes: [node('n1')], pending: [pod('a')] };
  const open = planning(shape).result.nodes[0];
  const closed = planning({ ...shape, withOpenNodes: false }).result.nodes[0];
  t.strictSame(open?.spec?.taints, []);
  t.not((closed?.spec?.taints ?? []).length + Number(closed?.spec?.unschedulable ?? false), 0);
});

t.test("another's claim gets no pods of ours", async (t) => {
  const seen = planning({ claims: [claim('claim-1')], isOurs: () => false });
  t.strictSame(seen.nodes, ['claim-1']);
  t.strictSame(seen.inFlight, []);
});

t.test('no pod is told twice, and none stands on a node that is not there', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const place = fc.constantFrom('', 'n1', 'n2', 'n3');
  const shapes = fc.record({
    pods: fc.uniqueArray(fc.tuple(name, place), { selector: ([one]) => one }),
    nodes: fc.subarray(['n1', 'n2', 'n3']),
    gone: fc.subarray(['n1', 'n2', 'n3']),
    claims: fc.subarray(['n1', 'n2', 'n3', 'n4']),
    planned: fc.dictionary(name, fc.constantFrom('claim-n1', 'claim-n4', 'claim-x')),
    withOpenNodes: fc.boolean(),
  });
  fc.assert(
    fc.property(shapes, ({ pods, nodes, gone, claims, planned, withOpenNodes }) => {
      const all = pods.map(([one, nodeName]) => pod(one, nodeName));
      const { result } = planning({
        pods: all,
        nodes: nodes.map((one) => node(one)),
        claims: claims.map((one) =>
          claim(`claim-${one}`, registered(`id-${one}`), gone.includes(one)),
        ),
        pending: all.filter(({ name: own }) => !(own.slice(0, 1) in planned)),
        planned: Object.fromEntries(Object.entries(planned).map(([one, to]) => [uid(one), to])),
        withOpenNodes,
      });
      const shown = new Set(result.nodes.map(({ metadata }) => metadata.name));
      const uids = new Set(result.pods.map((one) => one.uid));
      return (
        shown.size === result.nodes.length &&
        uids.size === result.pods.length &&
        result.pods.every(({ nodeName }) => nodeName === '' || shown.has(nodeName))
      );
    }),
  );
});
