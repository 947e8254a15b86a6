/**
 * Notes on the parts that several kinds share: conditions, taints, requirements, resources.
 *
 * In: the path where a part stands. Out: notes below that path. CEL rules follow the published API
 * of `karpenter.sh/v1`; the words are ours.
 */
import { isRestrictedLabel, restrictedLabelDomains, wellKnownLabels } from '../labels.ts';
import type { CelRule, FieldNotes } from './structural-schema.ts';

/** A list whose members have no identity: written as a whole. */
export const atomicList = { 'x-kubernetes-list-type': 'atomic' };

/** Conditions in the form that every Kubernetes kind has them. */
export function conditionNotes(path: string): FieldNotes {
  return {
    [path]: {
      description: 'What is true of the object at this moment, one condition per type.',
      keywords: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
    },
    [`${path}[]`]: {
      description: 'One condition.',
      keywords: { required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'] },
    },
    [`${path}[].type`]: {
      description: 'What the condition is about, in CamelCase.',
      keywords: { maxLength: 316 },
    },
    [`${path}[].status`]: { description: 'Whether it holds.' },
    [`${path}[].reason`]: {
      description: 'Why, as one word in CamelCase.',
      keywords: { maxLength: 1024 },
    },
    [`${path}[].message`]: {
      description: 'Why, as a sentence.',
      keywords: { maxLength: 32_768 },
    },
    [`${path}[].lastTransitionTime`]: { description: 'When the status last changed.' },
    [`${path}[].observedGeneration`]: {
      description: 'The generation of the object that the condition speaks of.',
    },
  };
}

export function taintNotes(path: string, description: string): FieldNotes {
  return {
    [path]: { description, keywords: atomicList },
    [`${path}[]`]: { description: 'A taint; pods that do not tolerate it stay away.' },
    [`${path}[].key`]: { description: 'Key of the taint.' },
    [`${path}[].value`]: { description: 'Value of the taint.' },
    [`${path}[].effect`]: {
      description: 'What becomes of pods that do not tolerate the taint.',
    },
    [`${path}[].timeAdded`]: { description: 'When a taint of effect NoExecute was added.' },
  };
}

export function nodeClassRefNotes(path: string, rules: readonly CelRule[]): FieldNotes {
  return {
    [path]: { description: 'The EC2NodeClass that says how the nodes are made.', rules },
    [`${path}.group`]: {
      description: 'API group of the node class: karpenter.k8s.aws or stowage.dev.',
    },
    [`${path}.kind`]: { description: 'Kind of the node class: EC2NodeClass.' },
    [`${path}.name`]: { description: 'Name of the node class.' },
  };
}

export function requirementNotes(
  path: string,
  keyRules: readonly CelRule[],
  { hasMinValues = true }: { readonly hasMinValues?: boolean } = {},
): FieldNotes {
  return {
    [path]: {
      description: 'What nodes have to be like. All requirements must hold.',
      rules: hasMinValues ? [...requirementRules, minValuesRule] : requirementRules,
      keywords: atomicList,
    },
    [`${path}[]`]: { description: 'A requirement on one label of the node.' },
    [`${path}[].key`]: { description: 'The label.', rules: keyRules },
    [`${path}[].operator`]: {
      description:
        'How the label is compared with the values. Gt, Gte, Lt and Lte compare integers.',
    },
    [`${path}[].values`]: {
      description: 'Values to compare with; none for Exists and DoesNotExist.',
      keywords: atomicList,
    },
    [`${path}[].values[]`]: { description: 'A value of the label.' },
    ...(hasMinValues
      ? {
          [`${path}[].minValues`]: {
            description:
              'How many distinct values the instance types of a launch must keep between them.',
          },
        }
      : {}),
  };
}

const requirementRules: readonly CelRule[] = [
  {
    rule: "self.all(x, x.operator != 'In' || (has(x.values) && x.values.size() > 0))",
    message: 'a requirement with operator In needs at least one value',
  },
  {
    rule: "self.all(x, !(x.operator in ['Gt', 'Gte', 'Lt', 'Lte']) || (has(x.values) && x.values.size() == 1 && x.values[0].matches('^[0-9]{1,18}$')))",
    message:
      'a requirement with operator Gt, Gte, Lt or Lte needs exactly one integer of at least 0',
  },
];

const minValuesRule: CelRule = {
  rule: "self.all(x, x.operator != 'In' || !has(x.minValues) || x.values.size() >= x.minValues)",
  message: 'a requirement with minValues needs at least that many values',
};

/**
 * Rules against labels that only the controllers may set. `variable` is the label in the
 * expression; `exempt` may be set nevertheless.
 */
export function restrictedLabelRules(
  wrap: (condition: string) => string,
  variable: string,
  exempt: readonly string[] = [],
): readonly CelRule[] {
  const perDomain = restrictedLabelDomains.map((domain) => {
    const allowed = [...wellKnownLabels]
      .filter((label) => label.slice(0, label.indexOf('/')) === domain)
      .filter((label) => !isRestrictedLabel(label) || exempt.includes(label));
    const list = allowed.map((label) => `'${label}'`).join(', ');
    return {
      rule: wrap(
        `${variable} in [${list}] || !${variable}.matches('^([^/]+[.])?${domain.replaceAll('.', '[.]')}/')`,
      ),
      message: `labels of ${domain} belong to the controllers, except those that describe instances`,
    };
  });
  return [
    ...perDomain,
    {
      rule: wrap(`${variable} != 'kubernetes.io/hostname'`),
      message: 'kubernetes.io/hostname belongs to the kubelet',
    },
  ];
}
