/**
 * The in-tree filters of the model scheduler.
 *
 * In: a pod, the nodes, the other pods. Out: per node the plugin that rejects it and why, in the
 * words of kube-scheduler. Resources, selection, taints, host ports, spread and inter-pod rules are
 * modelled; volumes and DRA are not, so nothing in the simulated world may rest on them.
 */
import type { PodSpec } from '../../core/api/kubernetes.ts';
import { anyPortsCollide } from '../../core/scheduling/host-ports.ts';
import { type NodeSelection, nodeSelectionOf } from '../../core/scheduling/node-affinity.ts';
import { admitsLabels } from '../../core/scheduling/requirements.ts';
import { firstUntoleratedTaint } from '../../core/scheduling/taints.ts';
import {
  isInScope,
  type NamespaceLabels,
  type PodScope,
  type SpreadRule,
  scopeOfTerm,
  separationRulesOf,
  spreadRulesOf,
} from '../../core/scheduling/topology.ts';
import { requestsOf } from '../pod-requests.ts';
import type { CachedPod, NodeCache, NodeInfo } from './node-cache.ts';
import { portsOf } from './node-cache.ts';

export type Plugin =
  | 'NodeResourcesFit'
  | 'NodeAffinity'
  | 'TaintToleration'
  | 'NodePorts'
  | 'PodTopologySpread'
  | 'InterPodAffinity';

export interface Rejection {
  readonly plugin: Plugin;
  readonly reason: string;
  /** True where taking other pods away would not help. */
  readonly isUnresolvable: boolean;
}

/** Judges one node for the pod that it was made for. */
export type NodeFilter = (info: NodeInfo) => Rejection | undefined;

const selections = new WeakMap<PodSpec, NodeSelection>();

function selectionOf(spec: PodSpec): NodeSelection {
  const known = selections.get(spec);
  if (known !== undefined) return known;
  const selection = nodeSelectionOf(spec);
  selections.set(spec, selection);
  return selection;
}

/** The filters of one pod over the nodes as they are now. */
export function filtersFor(
  pod: CachedPod,
  cache: NodeCache,
  namespaces: NamespaceLabels,
): NodeFilter {
  const filters: NodeFilter[] = [
    (info) => filterTaints(pod, info),
    (info) => filterSelection(pod, info),
    (info) => filterPorts(pod, info),
    (info) => filterResources(pod, info),
    ...spreadFilters(pod, cache),
    ...affinityFilters(pod, cache, namespaces),
  ];
  return (info) => {
    for (const filter of filters) {
      const rejection = filter(info);
      if (rejection !== undefined) return rejection;
    }
    return undefined;
  };
}

export function filterTaints(pod: CachedPod, info: NodeInfo): Rejection | undefined {
  const taint = firstUntoleratedTaint(info.taints, pod.spec.tolerations ?? []);
  if (taint === undefined) return undefined;
  const reason = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  return { plugin: 'TaintToleration', reason, isUnresolvable: true };
}

export function filterSelection(pod: CachedPod, info: NodeInfo): Rejection | undefined {
  const { alternatives } = selectionOf(pod.spec);
  if (alternatives.some((one) => admitsLabels(one, info.labels))) return undefined;
  const reason = "node(s) didn't match Pod's node affinity/selector";
  return { plugin: 'NodeAffinity', reason, isUnresolvable: true };
}

function filterPorts(pod: CachedPod, info: NodeInfo): Rejection | undefined {
  const ports = portsOf(pod.spec);
  if (ports.length === 0) return undefined;
  for (const other of info.pods.values()) {
    if (anyPortsCollide(ports, portsOf(other.spec))) {
      const reason = "node(s) didn't have free ports for the requested pod ports";
      return { plugin: 'NodePorts', reason, isUnresolvable: false };
    }
  }
  return undefined;
}

export function filterResources(
  pod: CachedPod,
  info: NodeInfo,
  without: ReadonlySet<string> = new Set(),
): Rejection | undefined {
  const { allocatable } = info;
  if (info.pods.size - without.size + 1 > (allocatable['pods'] ?? 0)) {
    return { plugin: 'NodeResourcesFit', reason: 'Too many pods', isUnresolvable: false };
  }
  const requests = requestsOf(pod.spec);
  for (const resource in requests) {
    const request = requests[resource] ?? 0;
    const offered = allocatable[resource] ?? 0;
    let taken = info.requested.get(resource) ?? 0;
    for (const uid of without) {
      const other = info.pods.get(uid);
      if (other !== undefined) taken -= requestsOf(other.spec)[resource] ?? 0;
    }
    if (request + taken > offered) {
      return {
        plugin: 'NodeResourcesFit',
        reason: `Insufficient ${resource}`,
        isUnresolvable: request > offered,
      };
    }
  }
  return undefined;
}

function spreadFilters(pod: CachedPod, cache: NodeCache): NodeFilter[] {
  const rules = spreadRulesOf(pod.spec, pod.namespace, pod.labels);
  return rules.map((rule) => spreadFilter(pod, rule, cache));
}

function spreadFilter(pod: CachedPod, rule: SpreadRule, cache: NodeCache): NodeFilter {
  const counts = new Map<string, number>();
  for (const info of cache.nodes()) {
    const domain = info.labels[rule.topologyKey];
    if (domain === undefined) continue;
    if (rule.honorsAffinity && filterSelection(pod, info) !== undefined) continue;
    if (rule.honorsTaints && filterTaints(pod, info) !== undefined) continue;
    counts.set(domain, (counts.get(domain) ?? 0) + countInScope(info, rule.scope));
  }
  const floor = counts.size < rule.minDomains ? 0 : Math.min(...counts.values());
  const self = isInScope(rule.scope, pod.namespace, pod.labels) ? 1 : 0;
  const plugin = 'PodTopologySpread';
  return (info) => {
    const domain = info.labels[rule.topologyKey];
    if (domain === undefined) {
      const reason =
        "node(s) didn't match pod topology spread constraints (missing required label)";
      return { plugin, reason, isUnresolvable: true };
    }
    if ((counts.get(domain) ?? 0) + self - floor <= rule.maxSkew) return undefined;
    const reason = "node(s) didn't match pod topology spread constraints";
    return { plugin, reason, isUnresolvable: false };
  };
}

function affinityFilters(
  pod: CachedPod,
  cache: NodeCache,
  namespaces: NamespaceLabels,
): NodeFilter[] {
  const reject = (rules: string): Rejection => ({
    plugin: 'InterPodAffinity',
    reason: `node(s) didn't ${rules}`,
    isUnresolvable: false,
  });
  const filters: NodeFilter[] = [];
  for (const rule of separationRulesOf(pod.spec, pod.namespace, pod.labels, namespaces)) {
    const taken = domainsInScope(cache, rule.topologyKey, rule.scope);
    filters.push((info) =>
      taken.has(info.labels[rule.topologyKey] ?? '')
        ? reject('match pod anti-affinity rules')
        : undefined,
    );
  }
  for (const { pod: other, nodeName } of cache.separating) {
    for (const rule of separationRulesOf(other.spec, other.namespace, other.labels, namespaces)) {
      if (!isInScope(rule.scope, pod.namespace, pod.labels)) continue;
      const domain = cache.get(nodeName)?.labels[rule.topologyKey];
      if (domain === undefined) continue;
      filters.push((info) =>
        info.labels[rule.topologyKey] === domain
          ? reject("satisfy existing pods' anti-affinity rules")
          : undefined,
      );
    }
  }
  const terms =
    pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const term of terms) {
    const scope = scopeOfTerm(term, pod.namespace, pod.labels, namespaces);
    const there = domainsInScope(cache, term.topologyKey, scope);
    // The first of a group that wants to be together may begin anywhere.
    const isFirst = there.size === 0 && isInScope(scope, pod.namespace, pod.labels);
    filters.push((info) =>
      isFirst || there.has(info.labels[term.topologyKey] ?? '')
        ? undefined
        : reject('match pod affinity rules'),
    );
  }
  return filters;
}

function domainsInScope(cache: NodeCache, topologyKey: string, scope: PodScope): Set<string> {
  const domains = new Set<string>();
  for (const info of cache.nodes()) {
    const domain = info.labels[topologyKey];
    if (domain !== undefined && countInScope(info, scope) > 0) domains.add(domain);
  }
  return domains;
}

function countInScope(info: NodeInfo, scope: PodScope): number {
  let count = 0;
  for (const { namespace, labels, isTerminating } of info.pods.values()) {
    if (!isTerminating && isInScope(scope, namespace, labels)) count += 1;
  }
  return count;
}
