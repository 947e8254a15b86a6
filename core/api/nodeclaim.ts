/**
 * NodeClaim, `karpenter.sh/v1`: one node that is wanted, and what became of it.
 *
 * In: nothing. Out: TypeBox schemas and their static types. The spec is immutable in the API and
 * refuses unknown fields.
 */
import { type Static, Type } from 'typebox';
import { Condition, ObjectMeta, Taint } from './kubernetes.ts';
import { NodeClassReference, NodePoolRequirement } from './nodepool.ts';
import { Duration, NillableDuration, ResourceList, Time } from './scalars.ts';

const strict = { additionalProperties: false };

export const NodeClaimSpec = Type.Object(
  {
    taints: Type.Optional(Type.Array(Taint)),
    startupTaints: Type.Optional(Type.Array(Taint)),
    requirements: Type.Array(NodePoolRequirement, { maxItems: 100 }),
    resources: Type.Optional(Type.Object({ requests: Type.Optional(ResourceList) }, strict)),
    nodeClassRef: NodeClassReference,
    terminationGracePeriod: Type.Optional(Duration),
    expireAfter: Type.Optional({ ...NillableDuration, default: '720h' }),
  },
  strict,
);
export type NodeClaimSpec = Static<typeof NodeClaimSpec>;

export const NodeClaimStatus = Type.Object({
  nodeName: Type.Optional(Type.String()),
  providerID: Type.Optional(Type.String()),
  imageID: Type.Optional(Type.String()),
  capacity: Type.Optional(ResourceList),
  allocatable: Type.Optional(ResourceList),
  lastPodEventTime: Type.Optional(Time),
  conditions: Type.Optional(Type.Array(Condition)),
});
export type NodeClaimStatus = Static<typeof NodeClaimStatus>;

export const NodeClaim = Type.Object({
  apiVersion: Type.Literal('karpenter.sh/v1'),
  kind: Type.Literal('NodeClaim'),
  metadata: ObjectMeta,
  spec: NodeClaimSpec,
  status: Type.Optional(NodeClaimStatus),
});
export type NodeClaim = Static<typeof NodeClaim>;
