/**
 * What a Node gets when its NodeClaim recognises it.
 *
 * In: the Node as it registered, its claim. Out: one JSON patch that makes it the claim's node:
 * labels, annotations, taints, finalizer, owner, and the taint that kept pods away gone. It is made
 * for the very version of the Node that it was computed from. Nothing here looks at readiness.
 */
import type { Live } from '../api/kinds.ts';
import type { Node, OwnerReference, Taint } from '../api/kubernetes.ts';
import {
  annotationLastApplied,
  karpenterGroup,
  labelDoNotSyncTaints,
  labelHostname,
  labelRegistered,
  stowageGroup,
  terminationFinalizer,
  unregisteredTaint,
} from '../api/labels.ts';
import type { JsonPatchOperation } from '../ports.ts';

/** True once the claim has recognised the node: its taints are the node's own affair from then on. */
export function isRegisteredNode(node: Node): boolean {
  return node.metadata.labels?.[labelRegistered] === 'true';
}

/** A node must not be open to pods before it is recognised. */
export function hasUnregisteredTaint(node: Node): boolean {
  return (node.spec?.taints ?? []).some((taint) => isSame(taint, unregisteredTaint));
}

/** Operations on the node; none if it is registered already. O(labels + taints). */
export function registrationPatch(
  node: Live<'Node'>,
  claim: Live<'NodeClaim'>,
): readonly JsonPatchOperation[] {
  if (isRegisteredNode(node)) return [];
  const { metadata, spec } = node;
  const { [labelHostname]: _ofTheNode, ...labels } = claim.metadata.labels ?? {};
  return [
    ...mapOperations('/metadata/labels', metadata.labels, { ...labels, [labelRegistered]: 'true' }),
    ...mapOperations(
      '/metadata/annotations',
      metadata.annotations,
      sharedAnnotations(claim.metadata.annotations ?? {}),
    ),
    ...listOperations(
      '/metadata/finalizers',
      metadata.finalizers ?? [],
      withFinalizer(metadata.finalizers ?? []),
    ),
    ...listOperations(
      '/metadata/ownerReferences',
      metadata.ownerReferences ?? [],
      withOwner(metadata.ownerReferences ?? [], claim),
    ),
    ...listOperations('/spec/taints', spec?.taints ?? [], registeredTaints(node, claim)),
  ];
}

/**
 * Taints of the claim besides those of the node. The reserved taint is among them whatever the fence:
 * the binder alone knows when it is in somebody's way, and takes it off.
 */
function registeredTaints({ metadata, spec }: Node, claim: Live<'NodeClaim'>): readonly Taint[] {
  const own = spec?.taints ?? [];
  const isSynced = metadata.labels?.[labelDoNotSyncTaints] === undefined;
  const wanted = isSynced
    ? [...(claim.spec.taints ?? []), ...(claim.spec.startupTaints ?? [])]
    : [];
  const missing = wanted.filter((taint) => !own.some((other) => isSame(other, taint)));
  return [...own, ...missing].filter((taint) => !isSame(taint, unregisteredTaint));
}

/** By key and effect, as Kubernetes tells taints apart. */
function isSame(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}

/** What is written on the claim for us alone stays there. */
function sharedAnnotations(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([key]) => key !== annotationLastApplied && !key.startsWith(`${stowageGroup}/`),
    ),
  );
}

function withFinalizer(finalizers: readonly string[]): readonly string[] {
  return finalizers.includes(terminationFinalizer)
    ? finalizers
    : [...finalizers, terminationFinalizer];
}

function withOwner(
  owners: readonly OwnerReference[],
  { metadata }: Live<'NodeClaim'>,
): readonly OwnerReference[] {
  if (owners.some(({ uid }) => uid === metadata.uid)) return owners;
  const owner = {
    apiVersion: `${karpenterGroup}/v1`,
    kind: 'NodeClaim',
    name: metadata.name,
    uid: metadata.uid,
    blockOwnerDeletion: true,
  };
  return [...owners, owner];
}

function mapOperations(
  path: string,
  present: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): JsonPatchOperation[] {
  const changes = Object.entries(wanted).filter(([key, value]) => present?.[key] !== value);
  if (changes.length === 0) return [];
  if (present === undefined) return [{ op: 'add', path, value: wanted }];
  return changes.map(([key, value]) => ({ op: 'add', path: `${path}/${pointerPart(key)}`, value }));
}

/** The whole list: an index would mean something else after somebody's change. */
function listOperations(
  path: string,
  present: readonly unknown[],
  wanted: readonly unknown[],
): JsonPatchOperation[] {
  const isEqual =
    present.length === wanted.length && present.every((item, index) => item === wanted[index]);
  if (isEqual) return [];
  return wanted.length === 0 ? [{ op: 'remove', path }] : [{ op: 'add', path, value: wanted }];
}

/** Escaped as JSON pointers ask for. */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
