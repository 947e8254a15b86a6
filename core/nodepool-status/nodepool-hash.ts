/**
 * The part of a NodePool that its nodes are made from, as one number.
 *
 * In: a NodePool. Out: a hash that changes if and only if nodes launched before differ from nodes
 * launched now in what is written on them: labels, annotations, taints, expiry, grace, node class.
 * Requirements are left out, since a change of them need not concern a node, as are budgets, limits
 * and weight (Karpenter's choice). Taints are sets. FNV-1a of 64 bits over a canonical text: not for
 * secrets. The number is not the one that Karpenter computes, hence a version of our own: whoever
 * finds another version writes the hash anew instead of calling the node drifted.
 */
import type { Taint } from '../api/kubernetes.ts';
import type { NodePool } from '../api/nodepool.ts';

/** Value of `karpenter.sh/nodepool-hash-version`: what {@link nodePoolHash} looks at, and how. */
export const nodePoolHashVersion = 'stowage-v1';

const offsetBasis = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;
const wordMask = (1n << 64n) - 1n;

/** Value of `karpenter.sh/nodepool-hash`: an unsigned decimal. */
export function nodePoolHash({ spec }: Pick<NodePool, 'spec'>): string {
  const { metadata, spec: node } = spec.template;
  const { group, kind, name } = node.nodeClassRef;
  return fnv1a(
    JSON.stringify([
      sortedEntries(metadata?.labels),
      sortedEntries(metadata?.annotations),
      sortedTaints(node.taints),
      sortedTaints(node.startupTaints),
      [group, kind, name],
      node.expireAfter ?? null,
      node.terminationGracePeriod ?? null,
    ]),
  );
}

function sortedEntries(map: Readonly<Record<string, string>> = {}): readonly string[][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sortedTaints(taints: readonly Taint[] = []): readonly string[] {
  const texts = taints.map(({ key, value = '', effect }) => JSON.stringify([key, value, effect]));
  return [...new Set(texts)].sort();
}

/** 64 bits over UTF-16 code units, low byte first, as an unsigned decimal. Not for secrets. */
export function fnv1a(text: string): string {
  let hash = offsetBasis;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    for (const byte of [unit & 0xff, unit >> 8]) {
      hash = ((hash ^ BigInt(byte)) * prime) & wordMask;
    }
  }
  return hash.toString();
}
