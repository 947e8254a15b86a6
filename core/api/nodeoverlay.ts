/**
 * NodeOverlay, `karpenter.sh/v1alpha1`: what some offerings really cost, and devices that a type has.
 *
 * In: nothing. Out: TypeBox schemas with the ranges of the published API, and their static types.
 * Prices are texts, as the API has them, so that no digit is lost on the way. Unknown fields below
 * `spec` are refused. Rules that tie several fields together are in `nodeoverlay-rules.ts`.
 */
import { type Static, Type } from 'typebox';
import { Condition, ObjectMeta } from './kubernetes.ts';
import { RequirementOperator } from './nodepool.ts';
import { LabelValue, QualifiedName, ResourceList } from './scalars.ts';

const strict = { additionalProperties: false };
const decimal = '([0-9]+(\\.[0-9]+)?|\\.[0-9]+)';

export const NodeOverlayRequirement = Type.Object(
  {
    key: QualifiedName,
    operator: RequirementOperator,
    values: Type.Optional(Type.Array(LabelValue)),
  },
  strict,
);
export type NodeOverlayRequirement = Static<typeof NodeOverlayRequirement>;

export const NodeOverlaySpec = Type.Object(
  {
    requirements: Type.Array(NodeOverlayRequirement, { maxItems: 100 }),
    /** USD per hour. */
    price: Type.Optional(
      Type.String({
        maxLength: 32,
        pattern: '^[0-9]+(\\.[0-9]+)?$',
        expected: 'a price in USD per hour as a string, such as "0.096"',
      }),
    ),
    /** USD per hour, or a percentage of the price; never below nothing. */
    priceAdjustment: Type.Optional(
      Type.String({
        maxLength: 32,
        pattern: `^([+-]${decimal}|\\+${decimal}%|-[0-9]{1,2}(\\.[0-9]+)?%|-100%)$`,
        expected:
          'a signed amount in USD per hour or a signed percentage (not below -100%) as a string, such as "-0.01" or "-27.5%"',
      }),
    ),
    /** Extended resources that nodes will have beside those that are known of their type. */
    capacity: Type.Optional(ResourceList),
    /** Overlays of higher weight come first. Absent means 0. */
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  strict,
);
export type NodeOverlaySpec = Static<typeof NodeOverlaySpec>;

export const NodeOverlay = Type.Object({
  apiVersion: Type.Literal('karpenter.sh/v1alpha1'),
  kind: Type.Literal('NodeOverlay'),
  metadata: ObjectMeta,
  spec: NodeOverlaySpec,
  status: Type.Optional(Type.Object({ conditions: Type.Optional(Type.Array(Condition)) })),
});
export type NodeOverlay = Static<typeof NodeOverlay>;
