/**
 * Descriptions and CEL rules of NodePool and NodeClaim.
 *
 * In: nothing. Out: notes by field path. Rules follow the published API of `karpenter.sh/v1`
 * (nodepool.go, nodeclaim.go and their CRDs); the words are ours.
 */
import { labelNodePool } from '../labels.ts';
import {
  atomicList,
  conditionNotes,
  nodeClassRefNotes,
  requirementNotes,
  restrictedLabelRules,
  taintNotes,
} from './shared-notes.ts';
import type { FieldNotes } from './structural-schema.ts';

const template = 'spec.template.spec';

export const nodePoolNotes: FieldNotes = {
  '': { description: 'A NodePool says which nodes may be launched for pods, and when they go.' },
  spec: {
    description: 'What is wanted of the pool.',
    rules: [
      {
        rule: 'has(self.replicas) == has(oldSelf.replicas)',
        message: 'replicas can be neither added to a pool nor taken from it later',
      },
      {
        rule: "!has(self.replicas) || !has(self.limits) || self.limits.size() == 0 || (self.limits.size() == 1 && 'nodes' in self.limits)",
        message: 'a pool with replicas can limit nothing but nodes',
      },
      {
        rule: '!has(self.replicas) || !has(self.weight)',
        message: 'a pool with replicas has no weight',
      },
    ],
  },
  'spec.template': { description: 'What the nodes of the pool are like.' },
  'spec.template.metadata': { description: 'Metadata that nodes get.' },
  'spec.template.metadata.labels': {
    description: 'Labels that nodes get.',
    rules: [...restrictedLabelRules((condition) => `self.all(x, ${condition})`, 'x')],
  },
  'spec.template.metadata.labels{}': { description: 'Value of the label.' },
  'spec.template.metadata.annotations': { description: 'Annotations that nodes get.' },
  'spec.template.metadata.annotations{}': { description: 'Value of the annotation.' },
  [template]: { description: 'Where nodes come from and how they behave.' },
  ...taintNotes(`${template}.taints`, 'Taints that nodes get and keep.'),
  ...taintNotes(
    `${template}.startupTaints`,
    'Taints that nodes start with and that something else takes away soon; pods need not tolerate them.',
  ),
  ...requirementNotes(
    `${template}.requirements`,
    restrictedLabelRules((condition) => condition, 'self'),
  ),
  ...nodeClassRefNotes(`${template}.nodeClassRef`, [
    { rule: 'self.group == oldSelf.group', message: 'the group of a node class cannot change' },
    { rule: 'self.kind == oldSelf.kind', message: 'the kind of a node class cannot change' },
  ]),
  [`${template}.terminationGracePeriod`]: {
    description: 'Longest time that a node may drain before its pods are deleted.',
  },
  [`${template}.expireAfter`]: { description: 'Age at which a node is replaced, or Never.' },
  'spec.disruption': { description: 'When and how fast nodes are taken away.' },
  'spec.disruption.consolidateAfter': {
    description:
      'Quiet time since the last pod came or went, after which a node may be consolidated, or Never.',
  },
  'spec.disruption.consolidationPolicy': {
    description:
      'Which nodes are consolidated: empty ones, or all that cost more than they need to.',
  },
  'spec.disruption.budgets': {
    description: 'How many nodes may be disrupted at once. The tightest budget holds.',
    keywords: atomicList,
    rules: [
      {
        rule: 'self.all(x, has(x.schedule) == has(x.duration))',
        message: 'schedule and duration go together',
      },
    ],
  },
  'spec.disruption.budgets[]': { description: 'A limit on disruption, always or at times.' },
  'spec.disruption.budgets[].nodes': {
    description: 'Nodes at once: a number, or a percentage of the pool.',
  },
  'spec.disruption.budgets[].schedule': {
    description: 'When the budget begins to hold: a cron expression in UTC.',
  },
  'spec.disruption.budgets[].duration': {
    description: 'For how long it holds from each beginning, in hours and minutes.',
  },
  'spec.disruption.budgets[].reasons': {
    description: 'Reasons for disruption that it limits; all if none is given.',
    keywords: { 'x-kubernetes-list-type': 'set' },
  },
  'spec.disruption.budgets[].reasons[]': { description: 'A reason for disruption.' },
  'spec.limits': {
    description: 'Most that all nodes of the pool may have together, by resource; also nodes.',
  },
  'spec.limits{}': { description: 'Amount of the resource.' },
  'spec.weight': { description: 'Pools of higher weight are used first. Absent means 0.' },
  'spec.replicas': {
    description: 'Makes the pool static: so many nodes, whatever the pods need.',
  },
  status: { description: 'What is known of the pool.' },
  'status.resources': { description: 'What the nodes of the pool have together.' },
  'status.resources{}': { description: 'Amount of the resource.' },
  'status.nodes': { description: 'Nodes of the pool.', keywords: { default: 0 } },
  'status.nodeClassObservedGeneration': {
    description: 'Generation of the node class that the conditions speak of.',
  },
  ...conditionNotes('status.conditions'),
};

export const nodeClaimNotes: FieldNotes = {
  '': { description: 'A NodeClaim is one node that is wanted, and what became of it.' },
  spec: {
    description: 'The node that is wanted.',
    rules: [{ rule: 'self == oldSelf', message: 'the spec of a NodeClaim cannot change' }],
  },
  ...taintNotes('spec.taints', 'Taints that the node gets and keeps.'),
  ...taintNotes(
    'spec.startupTaints',
    'Taints that the node starts with and that something else takes away soon.',
  ),
  ...requirementNotes(
    'spec.requirements',
    // The pool that a claim belongs to is among its requirements.
    restrictedLabelRules((condition) => condition, 'self', [labelNodePool]),
  ),
  'spec.resources': { description: 'What the pods need for which the node is launched.' },
  'spec.resources.requests': { description: 'Sum of their requests.' },
  'spec.resources.requests{}': { description: 'Amount of the resource.' },
  ...nodeClassRefNotes('spec.nodeClassRef', []),
  'spec.terminationGracePeriod': {
    description: 'Longest time that the node may drain before its pods are deleted.',
  },
  'spec.expireAfter': { description: 'Age at which the node is replaced, or Never.' },
  status: { description: 'What became of it.' },
  'status.nodeName': { description: 'Name of the Node object.' },
  'status.providerID': { description: 'The instance, as in the spec of the Node.' },
  'status.imageID': { description: 'Image that the instance runs.' },
  'status.capacity': { description: 'Estimated capacity of the node, then its real one.' },
  'status.capacity{}': { description: 'Amount of the resource.' },
  'status.allocatable': { description: 'What of it pods can request.' },
  'status.allocatable{}': { description: 'Amount of the resource.' },
  'status.lastPodEventTime': { description: 'When a pod last came to the node or left it.' },
  ...conditionNotes('status.conditions'),
};
