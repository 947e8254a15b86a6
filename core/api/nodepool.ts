/**
 * NodePool, `karpenter.sh/v1`: which nodes may be launched, and how they may be disrupted.
 *
 * In: nothing. Out: TypeBox schemas with the defaults and ranges of the published API, and their
 * static types. Unknown fields below `spec` are refused, so that a misspelt rule is never silently
 * ignored. Rules that tie several fields together are in `nodepool-rules.ts`.
 */
import { type Static, Type } from 'typebox';
import { Condition, ObjectMeta, Taint } from './kubernetes.ts';
import {
  Annotations,
  Duration,
  Labels,
  LabelValue,
  NillableDuration,
  NonNegativeInt32,
  QualifiedName,
  ResourceList,
} from './scalars.ts';

const strict = { additionalProperties: false };

export const RequirementOperator = Type.Enum(
  ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt', 'Gte', 'Lte'],
  { type: 'string' },
);
export type RequirementOperator = Static<typeof RequirementOperator>;

/** A node selector requirement with two operators more and a floor on distinct values. */
export const NodePoolRequirement = Type.Object(
  {
    key: QualifiedName,
    operator: RequirementOperator,
    values: Type.Optional(Type.Array(LabelValue)),
    /** Distinct values that the chosen instance types must keep between them. */
    minValues: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  },
  strict,
);
export type NodePoolRequirement = Static<typeof NodePoolRequirement>;

export const NodeClassReference = Type.Object(
  {
    group: Type.String({ pattern: '^[^/]+$', expected: 'an API group without version' }),
    kind: Type.String({ minLength: 1 }),
    name: Type.String({ minLength: 1 }),
  },
  strict,
);
export type NodeClassReference = Static<typeof NodeClassReference>;

export const NodePoolTemplateSpec = Type.Object(
  {
    taints: Type.Optional(Type.Array(Taint)),
    /** Expected to be removed by a DaemonSet soon after the node starts; not scheduled against. */
    startupTaints: Type.Optional(Type.Array(Taint)),
    requirements: Type.Array(NodePoolRequirement, { maxItems: 100 }),
    nodeClassRef: NodeClassReference,
    terminationGracePeriod: Type.Optional(Duration),
    expireAfter: Type.Optional({ ...NillableDuration, default: '720h' }),
  },
  strict,
);
export type NodePoolTemplateSpec = Static<typeof NodePoolTemplateSpec>;

export const DisruptionReason = Type.Enum(['Underutilized', 'Empty', 'Drifted'], {
  type: 'string',
});
export type DisruptionReason = Static<typeof DisruptionReason>;

export const DisruptionBudget = Type.Object(
  {
    nodes: Type.String({
      pattern: '^((100|[0-9]{1,2})%|[0-9]+)$',
      default: '10%',
      expected: 'a count or a percentage as a string, such as "5" or "10%"',
    }),
    schedule: Type.Optional(
      Type.String({
        pattern: '^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|\\S+(\\s+\\S+){4})$',
        expected: 'a cron expression of five fields in UTC, or @daily and the like',
      }),
    ),
    duration: Type.Optional(
      Type.String({
        pattern: '^((([0-9]+(h|m))|([0-9]+h[0-9]+m))(0s)?)$',
        expected: 'a duration of hours and minutes such as 8h30m',
      }),
    ),
    reasons: Type.Optional(Type.Array(DisruptionReason, { maxItems: 50 })),
  },
  strict,
);
export type DisruptionBudget = Static<typeof DisruptionBudget>;

export const ConsolidationPolicy = Type.Enum(
  ['WhenEmpty', 'WhenEmptyOrUnderutilized', 'Balanced'],
  {
    type: 'string',
    default: 'WhenEmptyOrUnderutilized',
  },
);
export type ConsolidationPolicy = Static<typeof ConsolidationPolicy>;

export const Disruption = Type.Object(
  {
    consolidateAfter: Type.Optional({ ...NillableDuration, default: '0s' }),
    consolidationPolicy: Type.Optional(ConsolidationPolicy),
    budgets: Type.Optional(
      Type.Array(DisruptionBudget, { maxItems: 50, default: [{ nodes: '10%' }] }),
    ),
  },
  { ...strict, default: { consolidateAfter: '0s' } },
);
export type Disruption = Static<typeof Disruption>;

export const NodePoolSpec = Type.Object(
  {
    template: Type.Object(
      {
        metadata: Type.Optional(
          Type.Object(
            {
              labels: Type.Optional({ ...Labels, maxProperties: 100 }),
              annotations: Type.Optional(Annotations),
            },
            strict,
          ),
        ),
        spec: NodePoolTemplateSpec,
      },
      strict,
    ),
    disruption: Type.Optional(Disruption),
    /** Cap over all nodes of the pool: any resource, and `nodes`. */
    limits: Type.Optional(ResourceList),
    /** Pools of higher weight are preferred. Absent means 0. */
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    /** Makes the pool static: this many nodes, whatever the pods. */
    replicas: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  strict,
);
export type NodePoolSpec = Static<typeof NodePoolSpec>;

export const NodePoolStatus = Type.Object({
  resources: Type.Optional(ResourceList),
  nodes: Type.Optional(NonNegativeInt32),
  nodeClassObservedGeneration: Type.Optional(Type.Integer()),
  conditions: Type.Optional(Type.Array(Condition)),
});
export type NodePoolStatus = Static<typeof NodePoolStatus>;

export const NodePool = Type.Object({
  apiVersion: Type.Literal('karpenter.sh/v1'),
  kind: Type.Literal('NodePool'),
  metadata: ObjectMeta,
  spec: NodePoolSpec,
  status: Type.Optional(NodePoolStatus),
});
export type NodePool = Static<typeof NodePool>;
