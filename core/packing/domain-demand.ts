/**
 * Pods that a rule over domains has no place for, whatever the nodes.
 *
 * In: groups of a draft and how many pods each family has. Out: fewer pods, and the reason for those
 * that had to go. Lower priorities go first, then later families, then the last pods of a family.
 */
import { placeable } from './domain-box.ts';
import { countingGroup, type DomainDraft } from './domain-draft.ts';
import type { Family } from './pod-families.ts';

/** Pods of one family that a rule leaves out. */
export interface LeftOut {
  readonly family: number;
  readonly pods: number;
  readonly reason: string;
}

/** Lowers `demand` [family] to what the groups can hold; returns what was taken off. */
export function fitDemandToDomains(
  draft: DomainDraft,
  families: readonly Family[],
  demand: Int32Array,
): LeftOut[] {
  const leftOut: LeftOut[] = [];
  for (const group of draft.groups) {
    const total = group.members.reduce((sum, family) => sum + demand[family]!, 0);
    const open = new Set<string | undefined>();
    for (const family of group.members) {
      if (demand[family]! > 0) {
        for (const value of draft.openValues(family, group.topologyKey)) {
          open.add(value);
        }
      }
    }
    const room = placeable(
      countingGroup(group, (value) => open.has(value)),
      total,
    );
    if (open.size === 0 || room >= total) {
      continue;
    }
    const reason = `${group.rule} leaves room for ${room} of ${total} pods: ${domainsText(group, open)}`;
    const order = group.members.toSorted(
      (a, b) => families[a]!.priority - families[b]!.priority || b - a,
    );
    let excess = total - room;
    for (const family of order) {
      const pods = Math.min(excess, demand[family]!);
      if (pods > 0) {
        demand[family]! -= pods;
        excess -= pods;
        leftOut.push({ family, pods, reason });
      }
    }
  }
  return leftOut;
}

function domainsText(
  group: DomainDraft['groups'][number],
  open: ReadonlySet<string | undefined>,
): string {
  const usable = group.domains.filter(({ value }) => open.has(value)).length;
  const counts = `${usable} of ${group.domains.length} domains can take them`;
  return group.floorIsZero ? `${counts}, fewer than minDomains` : counts;
}
