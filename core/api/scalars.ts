/**
 * The scalar shapes that every object kind is made of: names, labels, quantities, durations.
 *
 * In: nothing. Out: TypeBox schemas. A schema here carries, besides JSON Schema keywords, one of
 * our own, `expected`: how an error message describes what belongs in the place. Rules follow the
 * API server's validation (RFC 1123 names, qualified label keys); no pattern can backtrack more
 * than linearly, since repetitions are bounded. It knows no object kind.
 */
import { type Static, Type } from 'typebox';

const dnsLabel = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const dnsSubdomain = `${dnsLabel}(?:\\.${dnsLabel}){0,126}`;
const nameSegment = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';

/** Label key, annotation key, taint key, resource name: optional DNS prefix, `/`, name. */
export const qualifiedNamePattern = `^(?:${dnsSubdomain}/)?${nameSegment}$`;
/** Label value: empty, or at most 63 characters that begin and end alphanumeric. */
export const labelValuePattern = `^(?:${nameSegment})?$`;

const unsignedQuantity =
  '(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?';

/** Name of most objects (DNS subdomain). */
export const ObjectName = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: `^${dnsSubdomain}$`,
  expected: 'a DNS name of lower-case letters, digits, "-" and "." (at most 253 characters)',
});

/** Name of a namespace or container (DNS label). */
export const LabelName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: `^${dnsLabel}$`,
  expected: 'a DNS label of lower-case letters, digits and "-" (at most 63 characters)',
});

export const QualifiedName = Type.String({
  minLength: 1,
  maxLength: 316,
  pattern: qualifiedNamePattern,
  expected: 'a qualified name such as "zone" or "example.com/zone"',
});

export const LabelValue = Type.String({
  maxLength: 63,
  pattern: labelValuePattern,
  expected:
    'a label value: at most 63 letters, digits, "-", "_" and ".", alphanumeric at both ends (quote numbers and booleans)',
});

/** Label map: keys are qualified names, values are label values. */
export const Labels = Type.Record(Type.String({ pattern: qualifiedNamePattern }), LabelValue, {
  additionalProperties: false,
  expected: 'a qualified name such as "zone" or "example.com/zone"',
});

/** Annotation map: any string as value. */
export const Annotations = Type.Record(Type.String(), Type.String());

/**
 * Amount as Kubernetes writes it; numbers are what YAML makes of an unquoted `2`.
 * `scheduling/quantity.ts` gives it a meaning.
 */
export const Quantity = Type.Union(
  [Type.String({ pattern: `^[+-]?${unsignedQuantity}$` }), Type.Number()],
  {
    'x-kubernetes-int-or-string': true,
    expected: 'a quantity such as 500m, 2 or 1.5Gi',
  },
);
export type Quantity = Static<typeof Quantity>;

/** Quantity that may not be below zero: requests, limits, capacities. */
export const NonNegativeQuantity = Type.Union(
  [Type.String({ pattern: `^\\+?${unsignedQuantity}$` }), Type.Number({ minimum: 0 })],
  {
    'x-kubernetes-int-or-string': true,
    expected: 'a quantity of at least 0, such as 500m, 2 or 1.5Gi',
  },
);

/** Amounts by resource name. */
export const ResourceList = Type.Record(
  Type.String({ pattern: qualifiedNamePattern }),
  NonNegativeQuantity,
  {
    additionalProperties: false,
    expected: 'a resource name such as cpu, memory or nvidia.com/gpu',
  },
);
export type ResourceList = Static<typeof ResourceList>;

export const Int32 = Type.Integer({ minimum: -2147483648, maximum: 2147483647 });
/** Count of replicas and the like. */
export const NonNegativeInt32 = Type.Integer({ minimum: 0, maximum: 2147483647 });

/** Compound of whole hours, minutes and seconds, such as `1h30m`. */
export const Duration = Type.String({
  pattern: '^([0-9]+(s|m|h))+$',
  expected: 'a duration such as 30s, 15m or 1h30m',
});

/** Duration, or `Never`. */
export const NillableDuration = Type.String({
  pattern: '^(([0-9]+(s|m|h))+|Never)$',
  expected: 'a duration such as 30s, 15m or 1h30m, or Never',
});

/** Point in time, RFC 3339. */
export const Time = Type.String({
  pattern:
    '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$',
  expected: 'an RFC 3339 time such as 2026-01-31T12:00:00Z',
});
