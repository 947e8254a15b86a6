/**
 * A node of the plan with everything on it, and whether it holds that by itself.
 *
 * In: a node's labels, taints and allocatable resources, the pods that stand there, the pods that the
 * plan puts there, DaemonSets. Out: what is wrong: node selection, taints, host ports, resources. Rules
 * between nodes are `pair-rules.ts`'s.
 */
import type { Taint } from '../../api/kubernetes.ts';
import type { DaemonTemplate } from '../../scheduling/daemonsets.ts';
import { anyPortsCollide, hostPortText } from '../../scheduling/host-ports.ts';
import { formatAmount } from '../../scheduling/quantity.ts';
import { admitsLabels } from '../../scheduling/requirements.ts';
import type { Resources } from '../../scheduling/resources.ts';
import { firstUntoleratedTaint, taintText } from '../../scheduling/taints.ts';
import { admitsSelection, LabelSettlement, type NodeLabels } from './node-labels.ts';
import { entry, type KindCounts, type PodKind, type PodKinds, sumRequests } from './pod-kinds.ts';

type Labels = Readonly<Record<string, string>>;

/** A node with its pods. */
export interface Site {
  readonly name: string;
  readonly labels: NodeLabels;
  /** Labels whose values are known, those that its pods ask for included. */
  readonly settled: Labels;
  readonly taints: readonly Taint[];
  /** Pods that stand there whatever the plan says, DaemonSets to come left out. */
  readonly standing: KindCounts;
  /** Those of `standing` that are being deleted; spread rules do not count them. */
  readonly going: KindCounts;
  /** DaemonSets that will run there and do not yet. */
  readonly daemons: KindCounts;
  /** Pods that the plan puts there. */
  readonly placed: KindCounts;
}

/** What is wrong on one node. */
export interface SiteProblem {
  readonly code: string;
  readonly message: string;
}

/** The open labels as the placed pods settle them. */
export function settleLabels(labels: NodeLabels, placed: KindCounts): Labels {
  const settlement = new LabelSettlement(labels);
  for (const { selection } of placed.keys()) settlement.admit(selection);
  return settlement.settled();
}

/** DaemonSets that a node with these labels and taints attracts. */
export function attractedDaemons(
  daemons: readonly DaemonTemplate[],
  labels: Labels,
  taints: readonly Taint[],
): readonly DaemonTemplate[] {
  return daemons.filter(
    ({ selection, tolerations }) =>
      selection.alternatives.some((alternative) => admitsLabels(alternative, labels)) &&
      firstUntoleratedTaint(taints, tolerations) === undefined,
  );
}

/** DaemonSets as kinds of pods, made once; a live pod's requests replace the template's. */
export class DaemonKinds {
  readonly #kinds: PodKinds;
  readonly #known = new Map<DaemonTemplate, PodKind>();

  constructor(kinds: PodKinds) {
    this.#kinds = kinds;
  }

  /** One pod of each. */
  countsOf(daemons: readonly DaemonTemplate[]): KindCounts {
    return new Map(
      daemons.map((daemon) => [
        entry(this.#known, daemon, () => ({
          ...this.#kinds.of(daemon),
          requests: daemon.requests,
        })),
        1,
      ]),
    );
  }
}

/**
 * Everything that is wrong with the pods that the plan puts on the node; codes `node-selection`,
 * `label-conflict`, `taint`, `host-port`, `over-allocatable`. O(kinds^2 + kinds x requirements).
 */
export function findSiteProblems(site: Site, allocatable: Resources): readonly SiteProblem[] {
  if (site.placed.size === 0) return [];
  return [
    ...selectionProblems(site),
    ...taintProblems(site),
    ...portProblems(site),
    ...resourceProblems(site, allocatable),
  ];
}

function selectionProblems({ labels, placed }: Site): readonly SiteProblem[] {
  const problems: SiteProblem[] = [];
  const settlement = new LabelSettlement(labels);
  for (const kind of placed.keys()) {
    if (!admitsSelection(labels, kind.selection)) {
      const message = `node selector or affinity of pods like ${describe(kind)} is not met`;
      problems.push({ code: 'node-selection', message });
    } else if (!settlement.admit(kind.selection)) {
      const message = `no value of an open label suits pods like ${describe(kind)} and the others`;
      problems.push({ code: 'label-conflict', message });
    }
  }
  return problems;
}

function taintProblems({ taints, placed }: Site): readonly SiteProblem[] {
  return [...placed.keys()].flatMap((kind) => {
    const taint = firstUntoleratedTaint(taints, kind.tolerations);
    if (taint === undefined) return [];
    const message = `pods like ${describe(kind)} do not tolerate ${taintText(taint)}`;
    return [{ code: 'taint', message }];
  });
}

function portProblems({ standing, daemons, placed }: Site): readonly SiteProblem[] {
  const problems: SiteProblem[] = [];
  const holders = [...standing.keys(), ...daemons.keys(), ...placed.keys()].filter(
    ({ ports }) => ports.length > 0,
  );
  for (const [kind, pods] of placed) {
    if (kind.ports.length === 0) continue;
    const rival = holders.find(
      (other) => other !== kind && anyPortsCollide(kind.ports, other.ports),
    );
    const isDoubled = pods > 1 || standing.has(kind);
    if (rival === undefined && !isDoubled) continue;
    const ports = kind.ports.map(hostPortText).join(', ');
    const other = rival === undefined ? 'its like' : describe(rival);
    const message = `pods like ${describe(kind)} (${ports}) collide with ${other}`;
    problems.push({ code: 'host-port', message });
  }
  return problems;
}

/** Only what the newcomers ask for is held against a node; others may have overcommitted it. */
function resourceProblems(
  { standing, daemons, placed }: Site,
  allocatable: Resources,
): readonly SiteProblem[] {
  const wanted = sumRequests(placed);
  const taken = [sumRequests(standing), sumRequests(daemons)];
  return Object.entries(wanted).flatMap(([resource, amount]) => {
    if (amount === 0) return [];
    const sum = taken.reduce((total, amounts) => total + (amounts[resource] ?? 0), amount);
    const offered = allocatable[resource] ?? 0;
    if (sum <= offered) return [];
    const [asked, has] = [formatAmount(resource, sum), formatAmount(resource, offered)];
    const message = `${resource}: ${asked} asked for, DaemonSets included, of ${has}`;
    return [{ code: 'over-allocatable', message }];
  });
}

/** `namespace/labels`, for messages. */
export function describe({ namespace, labels }: PodKind): string {
  const shown = Object.entries(labels)
    .slice(0, 2)
    .map(([key, value]) => `${key}=${value}`);
  return `${namespace}/${shown.length === 0 ? '(no labels)' : shown.join(',')}`;
}
