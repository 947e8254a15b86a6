// What a cluster that has not come to rest looks like, in a line.
//
// In:  its Pods and Nodes. Out: how many there are in each state, and of the few
// that hold it up what they say of themselves. It is made for the message of a
// wait that was in vain: whoever reads that has no cluster to ask any more.

import type { Node, Pod } from './objects.ts';

/** So many of a kind are described one by one. */
const describedMax = 3;

/** Never empty. */
export function describeCluster(pods: Iterable<Pod>, nodes: Iterable<Node>): string {
  const [allPods, allNodes] = [[...pods], [...nodes]];
  const phases = Map.groupBy(allPods, phaseOf);
  const counts = [...phases].map(([phase, { length }]) => `${length} ${phase}`);
  const parts = [
    `${allNodes.length} nodes, pods: ${counts.join(', ') || 'none'}`,
    ...some(allPods.filter(isWaiting), describePod),
    ...some(allNodes.filter(isUnready), describeNode),
  ];
  return parts.join('; ');
}

function phaseOf({ spec, status }: Pod): string {
  return spec.nodeName === undefined ? 'unbound' : (status?.phase ?? 'no phase');
}

function isWaiting(pod: Pod): boolean {
  return ['unbound', 'Pending', 'no phase'].includes(phaseOf(pod));
}

function isUnready({ status }: Node): boolean {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True';
}

function some<T>(all: readonly T[], describe: (one: T) => string): string[] {
  const more = all.length - describedMax;
  const described = all.slice(0, describedMax).map(describe);
  return more > 0 ? [...described, `${more} more`] : described;
}

function describePod({ metadata: { name, creationTimestamp }, spec, status }: Pod): string {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  const where = spec.nodeName === undefined ? 'on no node' : `on ${spec.nodeName}`;
  return `${name} of ${creationTimestamp} ${where}: ${scheduled?.message ?? status?.reason ?? 'says nothing'}`;
}

function describeNode({ metadata: { name, labels, creationTimestamp }, spec }: Node): string {
  const taints = (spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  return `node ${name} of ${creationTimestamp} is not ready, joined ${labels?.['sim/joined'] ?? 'no'}, taints ${taints.join(' ')}`;
}
