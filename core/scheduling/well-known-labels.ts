/**
 * What label keys and zone names say about nodes that do not exist yet.
 *
 * In: keys, label maps and zone names. Out: canonical label maps, who decides a label, the region of
 * a zone. The names themselves are in `api/labels.ts`.
 */
import {
  karpenterAwsGroup,
  labelAliases,
  labelHostname,
  labelNodePool,
  wellKnownLabels,
} from '../api/labels.ts';

/** Key under which a node's name takes part in node selection; no label can be called so. */
export const nodeNameField = '@metadata.name';

/**
 * Whether a node's value for the key comes from the cloud, so that a NodePool can only select among
 * values and never invent one.
 */
export function isCloudLabel(key: string): boolean {
  return (
    wellKnownLabels.has(key) ||
    key === labelHostname ||
    key === labelNodePool ||
    key.startsWith(`${karpenterAwsGroup}/`)
  );
}

/** The labels of a real node with current keys filled in from their older spellings. O(aliases). */
export function canonicalLabels(
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  let result: Record<string, string> | undefined;
  for (const [alias, key] of labelAliases) {
    const value = labels[alias];
    if (value !== undefined && labels[key] === undefined) {
      result ??= { ...labels };
      result[key] ??= value;
    }
  }
  return result ?? labels;
}

const regionPattern = /^([a-z]{2,3}(?:-[a-z]+)+-[0-9]+)/;

/** Region of a zone name (`us-east-1` of `us-east-1a` and of `us-east-1-bos-1a`), if it has one. */
export function regionOfZone(zone: string): string | undefined {
  return regionPattern.exec(zone)?.[1];
}
