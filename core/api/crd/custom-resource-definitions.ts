/**
 * The CustomResourceDefinitions of the product.
 *
 * In: nothing. Out: the definitions as objects, ready to be written as YAML or applied. One source:
 * the schemas that also type the code. EC2NodeClass is defined twice, in the group of the provider
 * that Stowage replaces and in its own for running beside it (design section 4).
 */
import { EC2NodeClass } from '../ec2nodeclass.ts';
import { karpenterAwsGroup, karpenterGroup, stowageGroup } from '../labels.ts';
import { NodeClaim } from '../nodeclaim.ts';
import { NodeOverlay } from '../nodeoverlay.ts';
import { NodePool } from '../nodepool.ts';
import { nodeClassNotes } from './nodeclass-notes.ts';
import { nodeOverlayNotes } from './nodeoverlay-notes.ts';
import { nodeClaimNotes, nodePoolNotes } from './nodepool-notes.ts';
import { type FieldNotes, type JsonSchema, structuralSchema } from './structural-schema.ts';

/** `apiextensions.k8s.io/v1`, as far as we write it. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string };
  readonly spec: JsonSchema;
}

/** A column of `kubectl get`; those of priority 1 are shown with `-o wide` only. */
interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly priority?: 1;
}

interface Definition {
  readonly group: string;
  readonly version: 'v1' | 'v1alpha1';
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Of the whole object. */
  readonly schema: object;
  readonly notes: FieldNotes;
  readonly columns: readonly PrinterColumn[];
  readonly scale?: JsonSchema;
}

function readyColumn(type = 'Ready'): PrinterColumn {
  return {
    name: type,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  };
}

function labelColumn(name: string, label: string): PrinterColumn {
  return { name, type: 'string', jsonPath: `.metadata.labels.${label.replaceAll('.', '\\.')}` };
}

const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
};

function wide(column: PrinterColumn): PrinterColumn {
  return { ...column, priority: 1 };
}

const nodePool: Definition = {
  group: karpenterGroup,
  version: 'v1',
  kind: 'NodePool',
  plural: 'nodepools',
  shortNames: [],
  categories: ['karpenter'],
  schema: NodePool,
  notes: nodePoolNotes,
  columns: [
    { name: 'NodeClass', type: 'string', jsonPath: '.spec.template.spec.nodeClassRef.name' },
    { name: 'Nodes', type: 'string', jsonPath: '.status.nodes' },
    readyColumn(),
    ageColumn,
    wide({ name: 'Weight', type: 'integer', jsonPath: '.spec.weight' }),
    wide({ name: 'CPU', type: 'string', jsonPath: '.status.resources.cpu' }),
    wide({ name: 'Memory', type: 'string', jsonPath: '.status.resources.memory' }),
  ],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.nodes' },
};

const nodeClaim: Definition = {
  group: karpenterGroup,
  version: 'v1',
  kind: 'NodeClaim',
  plural: 'nodeclaims',
  shortNames: [],
  categories: ['karpenter'],
  schema: NodeClaim,
  notes: nodeClaimNotes,
  columns: [
    labelColumn('Type', 'node.kubernetes.io/instance-type'),
    labelColumn('Capacity', 'karpenter.sh/capacity-type'),
    labelColumn('Zone', 'topology.kubernetes.io/zone'),
    { name: 'Node', type: 'string', jsonPath: '.status.nodeName' },
    readyColumn(),
    ageColumn,
    wide({ name: 'ImageID', type: 'string', jsonPath: '.status.imageID' }),
    wide({ name: 'ID', type: 'string', jsonPath: '.status.providerID' }),
    wide(labelColumn('NodePool', 'karpenter.sh/nodepool')),
    wide({ name: 'NodeClass', type: 'string', jsonPath: '.spec.nodeClassRef.name' }),
    wide(readyColumn('Drifted')),
  ],
};

const nodeOverlay: Definition = {
  group: karpenterGroup,
  version: 'v1alpha1',
  kind: 'NodeOverlay',
  plural: 'nodeoverlays',
  shortNames: ['overlays'],
  categories: ['karpenter'],
  schema: NodeOverlay,
  notes: nodeOverlayNotes,
  columns: [
    readyColumn(),
    ageColumn,
    wide({ name: 'Weight', type: 'integer', jsonPath: '.spec.weight' }),
  ],
};

const nodeClass: Definition = {
  group: karpenterAwsGroup,
  version: 'v1',
  kind: 'EC2NodeClass',
  plural: 'ec2nodeclasses',
  shortNames: ['ec2nc', 'ec2ncs'],
  categories: ['karpenter'],
  schema: EC2NodeClass,
  notes: nodeClassNotes,
  columns: [
    readyColumn(),
    ageColumn,
    wide({ name: 'Role', type: 'string', jsonPath: '.spec.role' }),
  ],
};

/** Its short names differ: where both groups are served, a short name must mean one of them. */
const ownNodeClass: Definition = {
  ...nodeClass,
  group: stowageGroup,
  shortNames: ['snc', 'sncs'],
  categories: ['stowage'],
};

/** All definitions; the same value on every call. */
export function customResourceDefinitions(): CustomResourceDefinition[] {
  return [nodePool, nodeClaim, nodeOverlay, nodeClass, ownNodeClass].map(definitionOf);
}

function definitionOf(definition: Definition): CustomResourceDefinition {
  const { group, version, kind, plural, shortNames, categories, columns, scale } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames.length === 0 ? {} : { shortNames }),
        categories,
      },
      scope: 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema(definition) },
          subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
        },
      ],
    },
  };
}

/** What every object has, the API server knows by itself; ours are spec and status. */
function rootSchema({ schema, notes }: Definition): JsonSchema {
  const { properties } = schema as { readonly properties: Record<string, JsonSchema> };
  const { spec = {}, status = {} } = properties;
  return {
    description: notes['']?.description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: {
        type: 'string',
        description: 'Group and version of this form of the object.',
      },
      kind: { type: 'string', description: 'Kind of the object.' },
      metadata: { type: 'object' },
      spec: structuralSchema(spec, 'spec', notes),
      status: structuralSchema(status, 'status', notes),
    },
  };
}
