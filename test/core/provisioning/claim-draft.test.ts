// The NodeClaim of a planned node: what is on it, and that the same plan is the same claim.

import * as fc from 'fast-check';
import t from 'tap';
import type { EC2NodeClass } from '../../../core/api/ec2nodeclass.ts';
import { nodeClassHash } from '../../../core/ec2/node-class-hash.ts';
import { firstFit } from '../../../core/packing/first-fit.ts';
import { planDecisions } from '../../../core/packing/planned-claims.ts';
import { type ClaimPods, claimDraft } from '../../../core/provisioning/claim-draft.ts';
import { annotationNominated } from '../../../core/provisioning/nominations.ts';
import { offeringsOf } from '../../../core/scheduling/claim-offerings.ts';
import { reservationOf } from '../../../core/scheduling/reservation-record.ts';
import {
  modelOf,
  type PoolShape,
  podsOf,
  poolOf,
  specOf,
  typeOf,
} from '../../support/cluster-builders.ts';
import { solutionOf } from '../../support/sample-model.ts';

const expiresAtMs = Date.parse('2026-01-02T00:00:00Z');
const zoneKey = 'topology.kubernetes.io/zone';
const hash = (text: string): string =>
  Array.from(text)
    .reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7)
    .toString(36)
    .padStart(7, '0');

/** What first-fit plans for two small pods in one pool. */
function plannedIn(shape: PoolShape) {
  const pool = poolOf('general', { metadata: { name: 'general', uid: 'uid-general' }, ...shape });
  const types = [typeOf('m5.xlarge', { zones: ['test-1b', 'test-1a'] })];
  const spec = specOf({ cpu: '500m', memory: '1Gi' }, { tolerations: [{ operator: 'Exists' }] });
  const pods = podsOf('web', 2, spec);
  const model = modelOf({ nodePools: [pool], types, pods });
  const solution = solutionOf(model, firstFit(model.problem).bins);
  const [planned] = planDecisions(model.snapshot, model, solution).claims;
  if (planned === undefined) throw new Error('nothing was planned');
  return { pool, planned };
}

const nodeClass: EC2NodeClass = {
  apiVersion: 'karpenter.k8s.aws/v1',
  kind: 'EC2NodeClass',
  metadata: { name: 'default' },
  spec: {
    subnetSelectorTerms: [{ id: 'subnet-1' }],
    securityGroupSelectorTerms: [{ id: 'sg-1' }],
    amiSelectorTerms: [{ alias: 'al2023@latest' }],
    role: 'node',
  },
};

function draft(
  shape: PoolShape,
  pods: Partial<ClaimPods> = {},
  isTaken: (name: string) => boolean = () => false,
) {
  const { pool, planned } = plannedIn(shape);
  const all = { owners: new Set(['b', 'a']), nominated: [], fence: 'binding' as const, ...pods };
  return claimDraft(planned, { pool, nodeClass }, all, expiresAtMs, hash, isTaken);
}

t.test('it is held for its owners, and says until when', async (t) => {
  const { metadata, spec } = draft({
    taints: [{ key: 'team', value: 'red', effect: 'NoSchedule' }],
  });
  t.strictSame(reservationOf(metadata.annotations), {
    owners: new Set(['a', 'b']),
    expiresAtMs,
    fence: 'binding',
  });
  t.strictSame(spec.taints, [
    { key: 'team', value: 'red', effect: 'NoSchedule' },
    { key: 'stowage.dev/reserved', effect: 'NoSchedule' },
  ]);
  t.strictSame(metadata.finalizers, ['karpenter.sh/termination']);
  t.match(metadata.ownerReferences, [
    { kind: 'NodePool', name: 'general', uid: 'uid-general', blockOwnerDeletion: true },
  ]);
});

t.test('for pods that others bind it holds nothing', async (t) => {
  const { metadata, spec } = draft({}, { owners: new Set(), nominated: ['d', 'c'] });
  t.equal(reservationOf(metadata.annotations), undefined);
  t.equal(spec.taints, undefined);
  t.equal(metadata.annotations?.[annotationNominated], '["c","d"]');
});

t.test('the plan comes first among its offerings, and requirements hold just those', async (t) => {
  const { metadata, spec } = draft({});
  const offerings = offeringsOf(metadata.annotations);
  t.equal(offerings.length, 4);
  t.strictSame(offerings[0], { instanceType: 'm5.xlarge', zone: 'test-1b', capacityType: 'spot' });
  t.strictSame(
    spec.requirements.find(({ key }) => key === zoneKey)?.values,
    ['test-1a', 'test-1b'],
    'sorted, each once',
  );
  t.equal(metadata.labels?.[zoneKey], 'test-1b');
});

t.test('requests are those of its pods and DaemonSets as quantities', async (t) => {
  const { spec } = draft({});
  t.strictSame(spec.resources?.requests, { cpu: '1', memory: '2Gi', pods: '2' });
});

t.test('labels of the pool come along, single values of its requirements too', async (t) => {
  const requirements = [
    { key: 'team', operator: 'In' as const, values: ['red'] },
    { key: 'tier', operator: 'In' as const, values: ['one', 'two'] },
  ];
  const { metadata } = draft({ labels: { color: 'blue' }, requirements });
  t.match(metadata.labels, { color: 'blue', team: 'red', 'karpenter.sh/nodepool': 'general' });
  t.ok(['one', 'two', undefined].includes(metadata.labels?.['tier']));
});

t.test('minValues that the offerings cannot hold are not demanded of the launch', async (t) => {
  const requirements = [
    { key: zoneKey, operator: 'In' as const, values: ['test-1a', 'test-1b'], minValues: 2 },
  ];
  const { spec } = draft({ requirements });
  t.match(
    spec.requirements.find(({ key }) => key === zoneKey),
    { minValues: 2 },
  );
});

t.test('the same plan is the same claim, other pods are another', async (t) => {
  const { pool, planned } = plannedIn({});
  const uids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(uids, uids, (one, other) => {
      const name = (owners: readonly string[]): string | undefined =>
        claimDraft(
          planned,
          { pool, nodeClass },
          { owners: new Set(owners), nominated: [], fence: 'binding' },
          expiresAtMs,
          hash,
          () => false,
        ).metadata.name;
      const isSame = one.toSorted().join() === other.toSorted().join();
      return name(one) === name(one.toReversed()) && (isSame || name(one) !== name(other));
    }),
  );
  t.match(draft({}).metadata.name, /^general-[a-z0-9]{7}$/);
});

t.test('while a claim of its name is leaving it has another, the same every time', async (t) => {
  const { name: first = '' } = draft({}).metadata;
  const isTaken = (name: string): boolean => name === first;
  const { name: second } = draft({}, {}, isTaken).metadata;
  t.not(second, first);
  t.equal(draft({}, {}, isTaken).metadata.name, second);
  t.match(second, /^general-[a-z0-9]{7}$/);
});

t.test('it carries the hash of its node class, and the overlay that priced it', (t) => {
  const { pool, planned } = plannedIn({});
  const pods = { owners: new Set<string>(), nominated: [], fence: 'binding' as const };
  const annotationsOf = (source: Parameters<typeof claimDraft>[1], from = planned) =>
    claimDraft(from, source, pods, expiresAtMs, hash, () => false).metadata.annotations ?? {};
  const annotations = annotationsOf({ pool, nodeClass });
  t.equal(annotations['karpenter.k8s.aws/ec2nodeclass-hash'], nodeClassHash(nodeClass));
  t.equal(annotations['karpenter.k8s.aws/ec2nodeclass-hash-version'], 'stowage-v1');
  t.notOk('karpenter.sh/price-overlay-applied' in annotations);
  const without = annotationsOf({ pool, nodeClass: undefined });
  t.notOk('karpenter.k8s.aws/ec2nodeclass-hash' in without);
  const offerings = planned.type.offerings.map((one) => ({ ...one, pricedBy: 'rate' }));
  const overlaid = { ...planned, type: { ...planned.type, offerings } };
  t.equal(
    annotationsOf({ pool, nodeClass }, overlaid)['karpenter.sh/price-overlay-applied'],
    'rate',
  );
  t.end();
});
