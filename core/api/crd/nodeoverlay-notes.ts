/**
 * Descriptions and CEL rules of NodeOverlay.
 *
 * In: nothing. Out: notes by field path. Rules follow the published API of `karpenter.sh/v1alpha1`
 * (nodeoverlay.go and its CRD); the words are ours.
 */
import { labelNodePool } from '../labels.ts';
import { conditionNotes, requirementNotes, restrictedLabelRules } from './shared-notes.ts';
import type { FieldNotes } from './structural-schema.ts';

const requirements = 'spec.requirements';
const onRequirements = requirementNotes(
  requirements,
  // Prices may differ from pool to pool.
  restrictedLabelRules((condition) => condition, 'self', [labelNodePool]),
  { hasMinValues: false },
);

export const nodeOverlayNotes: FieldNotes = {
  '': {
    description:
      'A NodeOverlay says what some instances really cost, or which devices they have beside those that are known.',
  },
  spec: {
    description: 'What is different, and where.',
    rules: [
      {
        rule: '!has(self.price) || !has(self.priceAdjustment)',
        message: 'price and priceAdjustment exclude each other',
      },
    ],
  },
  ...onRequirements,
  [requirements]: {
    ...onRequirements[requirements],
    description:
      'Which offerings it speaks of: labels of the instance type, its place and its pool. All requirements must hold.',
    rules: [
      ...(onRequirements[requirements]?.rules ?? []),
      {
        rule: "self.all(x, x.operator != 'NotIn' || (has(x.values) && x.values.size() > 0))",
        message: 'a requirement with operator NotIn needs at least one value',
      },
    ],
  },
  'spec.price': { description: 'Price in USD per hour, whatever it was.' },
  'spec.priceAdjustment': {
    description: 'What is added to the price, in USD per hour or in per cent of it, with a sign.',
  },
  'spec.capacity': {
    description: 'Extended resources of the nodes, beside those that are known of their type.',
    rules: [
      {
        rule: "self.all(x, !(x in ['cpu', 'memory', 'ephemeral-storage', 'pods']))",
        message: 'an overlay adds extended resources only',
      },
    ],
  },
  'spec.capacity{}': { description: 'Amount of the resource.' },
  'spec.weight': {
    description:
      'Overlays of higher weight come first; of equal ones that speak of the same thing only one is used. Absent means 0.',
  },
  status: { description: 'What became of it.' },
  ...conditionNotes('status.conditions'),
};
