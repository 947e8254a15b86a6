/**
 * What the API server checks and fills in, kind by kind.
 *
 * In: objects as sent. Out: objects as stored, or a ClusterError. Only what somebody relies on:
 * names, metadata that nobody may write, immutable fields, status kept apart, the first taint of a
 * node. Schemas of custom resources are the business of the CRDs, not of this model.
 */
import { type Kind, kinds, type Live } from '../../core/api/kinds.ts';
import type { Node, ObjectMeta, Pod } from '../../core/api/kubernetes.ts';
import { ClusterError } from '../../core/ports.ts';
import { isEqual, type JsonObject } from './json.ts';
import { admitPod, admitPodStatus, admitPodUpdate } from './pod-admission.ts';

/** An object of any kind, as far as the rules for all of them go. */
export interface AnyObject {
  readonly metadata: ObjectMeta & { readonly deletionGracePeriodSeconds?: number };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface AdmissionContext {
  readonly now: string;
  readonly priorityClasses: () => readonly Live<'PriorityClass'>[];
}

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const nameCharsMax = 253;
const notReadyTaint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

/** Kinds whose status survives a creation. */
const keepsStatus: ReadonlySet<Kind> = new Set<Kind>(['Node']);
/** Kinds that count changes of what is neither metadata nor status. */
const countsGenerations: ReadonlySet<Kind> = new Set<Kind>([
  'Pod',
  'DaemonSet',
  'Deployment',
  'ReplicaSet',
  'StatefulSet',
  'Job',
  'PodDisruptionBudget',
  'NodePool',
  'NodeClaim',
  'NodeOverlay',
  'EC2NodeClass',
  'EC2NodeClass.stowage.dev',
]);
/** Kinds served by a CRD: their status subresource writes nothing but status. */
const isCustom: ReadonlySet<Kind> = new Set<Kind>([
  'NodePool',
  'NodeClaim',
  'NodeOverlay',
  'EC2NodeClass',
  'EC2NodeClass.stowage.dev',
]);

/** @throws ClusterError `Invalid`, `Forbidden` */
export function admitNew(kind: Kind, object: AnyObject, context: AdmissionContext): AnyObject {
  const { name = '' } = object.metadata;
  if (!namePattern.test(name) || name.length > nameCharsMax) {
    throw new ClusterError('Invalid', `${kind} "${name}": metadata.name: not a DNS subdomain`);
  }
  const typed = withType(kind, object);
  if (kind === 'Pod') {
    return admitPod(typed as Pod, context.priorityClasses(), context.now);
  }
  if (kind === 'Node') return withFirstTaint(typed as Node);
  if (!kinds[kind].hasStatus || keepsStatus.has(kind)) return typed;
  const { status: _dropped, ...rest } = typed;
  return rest;
}

/**
 * A write to an object that is there: what it may not touch is put back, what it must not touch is
 * refused.
 * @throws ClusterError `Invalid`, `Conflict` (another UID)
 */
export function admitChange(
  kind: Kind,
  before: AnyObject,
  after: AnyObject,
  subresource: 'status' | undefined,
): AnyObject {
  checkMetadata(before.metadata, after.metadata);
  const isStatus = subresource === 'status';
  const merged: AnyObject = isStatus
    ? {
        ...before,
        metadata: isCustom.has(kind) ? before.metadata : after.metadata,
        status: after.status,
      }
    : withStatus(after, before.status);
  if (kind === 'Pod') {
    if (isStatus) admitPodStatus(before as Pod, merged as Pod);
    else admitPodUpdate(before as Pod, merged as Pod);
  }
  if (kind === 'Node') checkProvider(before as Node, merged as Node);
  if (kind === 'NodeClaim' && !isEqual(before.spec, merged.spec)) {
    throw new ClusterError('Invalid', 'spec: Invalid value: "object": spec is immutable');
  }
  return merged;
}

/** Kinds without a status subresource have no status at all. */
function withStatus(object: AnyObject, status: unknown): AnyObject {
  const { status: _given, ...rest } = object;
  return status === undefined ? rest : { ...rest, status };
}

/** The metadata a change is stored under: the server's own fields, empty ones left out. */
export function metadataAfter(kind: Kind, before: AnyObject, after: AnyObject): ObjectMeta {
  const { generation = 0 } = before.metadata;
  const isCounted = countsGenerations.has(kind) && !isEqual(contentOf(before), contentOf(after));
  return {
    ...withoutEmpty(after.metadata),
    ...(isCounted ? { generation: generation + 1 } : {}),
  };
}

/** The metadata of a new object. */
export function metadataOfNew(kind: Kind, given: ObjectMeta, own: Partial<ObjectMeta>): ObjectMeta {
  const { resourceVersion: _version, generation: _generation, ...rest } = withoutEmpty(given);
  return { ...rest, ...own, ...(countsGenerations.has(kind) ? { generation: 1 } : {}) };
}

function contentOf(object: AnyObject): JsonObject {
  const { metadata: _metadata, status: _status, ...content } = object;
  return content;
}

function checkMetadata(before: ObjectMeta, after: ObjectMeta): void {
  if (after.uid !== before.uid) {
    throw new ClusterError('Conflict', `the UID is ${before.uid}, not ${after.uid}`);
  }
  for (const field of ['name', 'namespace', 'creationTimestamp', 'deletionTimestamp'] as const) {
    if (after[field] !== before[field]) {
      throw new ClusterError('Invalid', `metadata.${field}: field is immutable`);
    }
  }
  if (before.deletionTimestamp === undefined) return;
  const known = before.finalizers ?? [];
  if ((after.finalizers ?? []).some((finalizer) => !known.includes(finalizer))) {
    throw new ClusterError(
      'Invalid',
      'metadata.finalizers: no new finalizers can be added if the object is being deleted',
    );
  }
}

function checkProvider(before: Node, after: Node): void {
  const known = before.spec?.providerID ?? '';
  if (known !== '' && after.spec?.providerID !== known) {
    throw new ClusterError('Invalid', 'spec.providerID: node updates may not change it');
  }
}

function withFirstTaint(node: Node): AnyObject {
  const taints = node.spec?.taints ?? [];
  const isTainted = taints.some(({ key }) => key === notReadyTaint.key);
  return isTainted ? node : { ...node, spec: { ...node.spec, taints: [...taints, notReadyTaint] } };
}

function withType(kind: Kind, object: AnyObject): AnyObject {
  // Objects of custom kinds carry their type even in lists; those of the core do not.
  if (!isCustom.has(kind)) return object;
  return { ...object, apiVersion: kinds[kind].apiVersion, kind: kinds[kind].kind } as AnyObject;
}

/** The API server does not store empty maps and lists of metadata. */
function withoutEmpty(metadata: ObjectMeta): ObjectMeta {
  const { labels, annotations, finalizers, ownerReferences, ...rest } = metadata;
  return {
    ...rest,
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers }),
    ...(ownerReferences === undefined || ownerReferences.length === 0 ? {} : { ownerReferences }),
  };
}
