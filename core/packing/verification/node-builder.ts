/**
 * Nodes of a plan as sites: with the DaemonSets that they attract and the labels that their pods
 * settle.
 *
 * In: offered and existing nodes, and the pods on them. Out: sites, and whether an offered node would
 * hold given pods. It decides nothing about the plan.
 */
import { labelInitialized, labelRegistered } from '../../api/labels.ts';
import { type DaemonTemplate, isPodOf } from '../../scheduling/daemonsets.ts';
import { nodeNameField } from '../../scheduling/well-known-labels.ts';
import { isTerminating, type SnapshotPod } from '../../state/snapshot.ts';
import type { OfferedNode, OfferedNodes } from './offered-nodes.ts';
import { countKinds, entry, type KindCounts, type PodKind, type PodKinds } from './pod-kinds.ts';
import {
  attractedDaemons,
  DaemonKinds,
  findSiteProblems,
  type Site,
  type SiteProblem,
  settleLabels,
} from './sites.ts';
import type { StandingNode } from './standing-nodes.ts';

const nobody: KindCounts = new Map();

/** Builds sites. */
export class NodeBuilder {
  readonly #kinds: PodKinds;
  readonly #daemons: readonly DaemonTemplate[];
  readonly #daemonKinds: DaemonKinds;
  /** DaemonSets of offered nodes all of whose labels are known. */
  readonly #attracted = new Map<OfferedNode, KindCounts>();

  constructor(kinds: PodKinds, daemons: readonly DaemonTemplate[]) {
    this.#kinds = kinds;
    this.#daemons = daemons;
    this.#daemonKinds = new DaemonKinds(kinds);
  }

  /** A node that is to be launched, with the pods that it is launched for. */
  launch(name: string, node: OfferedNode, placed: KindCounts): Site {
    const { labels, taints } = node;
    const isSettled = labels.open.size === 0;
    const settled = isSettled ? labels.fixed : settleLabels(labels, placed);
    const attract = (): KindCounts => {
      const grown = { ...settled, [labelRegistered]: 'true', [labelInitialized]: 'true' };
      return this.#daemonKinds.countsOf(attractedDaemons(this.#daemons, grown, taints));
    };
    const daemons = isSettled ? entry(this.#attracted, node, attract) : attract();
    return { name, labels, settled, taints, standing: nobody, going: nobody, daemons, placed };
  }

  /** A node that exists, with the pods that are put there. */
  extend(node: StandingNode, placed: readonly SnapshotPod[]): Site {
    const { name, taints, pods } = node;
    const known = { ...node.labels, [nodeNameField]: name };
    const missing = attractedDaemons(this.#daemons, known, taints).filter(
      (daemon) => !pods.some((pod) => isPodOf(daemon, pod)),
    );
    return {
      name,
      labels: { fixed: known, open: new Map() },
      settled: node.labels,
      taints,
      standing: countKinds(this.#kinds, pods),
      going: countKinds(this.#kinds, pods.filter(isTerminating)),
      daemons: this.#daemonKinds.countsOf(missing),
      placed: countKinds(this.#kinds, placed),
    };
  }

  /** What keeps the pods from standing together on an offered node; empty if nothing does. */
  problemsOf(node: OfferedNode, placed: KindCounts): readonly SiteProblem[] {
    return findSiteProblems(this.launch('', node, placed), node.type.allocatable);
  }
}

/**
 * In which domains of a topology key a pod could be given a new node of its own.
 *
 * A domain in which no NodePool has an offering that admits and holds the pod does not hold others
 * back. Answers are kept by what decides them. O(offerings) for each.
 */
export class DomainReach {
  readonly #offered: OfferedNodes;
  readonly #builder: NodeBuilder;
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(offered: OfferedNodes, builder: NodeBuilder) {
    this.#offered = offered;
    this.#builder = builder;
  }

  /** Values of `topologyKey`. */
  of(kind: PodKind, topologyKey: string): ReadonlySet<string> {
    const { selection, tolerations, requests, ports } = kind;
    const text = JSON.stringify([topologyKey, selection.text, tolerations, requests, ports]);
    return entry(this.#known, text, () => this.#search(kind, topologyKey));
  }

  #search(kind: PodKind, topologyKey: string): ReadonlySet<string> {
    const alone = new Map([[kind, 1]]);
    const reached = new Set<string>();
    for (const pool of this.#offered.poolNames) {
      for (const node of this.#offered.allOf(pool)) {
        const domain = node.labels.fixed[topologyKey];
        if (domain === undefined || reached.has(domain)) continue;
        if (this.#builder.problemsOf(node, alone).length === 0) reached.add(domain);
      }
    }
    return reached;
  }
}
