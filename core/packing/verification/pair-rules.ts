/**
 * Rules that tie pods on different nodes together: anti-affinity and topology spread.
 *
 * In: all nodes with their pods, before and after the plan. Out: domains where a rule is broken by
 * what the plan places. It evaluates the rules as written, pod kind by pod kind, and shares nothing
 * with the domain groups of the packing model.
 *
 * Readings. Anti-affinity holds both ways (kube-scheduler keeps newcomers from pods that refuse
 * them); pairs that stand already are not the plan's. Spread is judged at the end of the plan in the
 * most favourable order of binding: pods that a rule counts but that do not carry it may come last
 * where they add to a domain, and first where they raise the smallest count. Domains are those of
 * nodes that the rule sees (nodeAffinityPolicy, nodeTaintsPolicy), and those in which a NodePool
 * could launch a node for such a pod. Over the hostname the smallest count is 0: a new node is always
 * possible. A node whose label is still open is in no domain.
 */
import { labelHostname } from '../../api/labels.ts';
import { firstUntoleratedTaint } from '../../scheduling/taints.ts';
import {
  isInScope,
  type PodScope,
  type SeparationRule,
  type SpreadRule,
} from '../../scheduling/topology.ts';
import type { FindingList } from './findings.ts';
import { admitsSelection, type NodeLabels } from './node-labels.ts';
import { entry, type KindCounts, type PodKind } from './pod-kinds.ts';
import { describe, type Site } from './sites.ts';

type Labels = Readonly<Record<string, string>>;

/** Values of a topology key on nodes that some NodePool could launch for a pod of the kind. */
export type ReachableDomains = (kind: PodKind, topologyKey: string) => ReadonlySet<string>;

/** A rule broken in a domain; `site` is a node of it on which the plan puts pods. */
interface Breach {
  readonly code: string;
  readonly site: Site;
  readonly message: string;
}

interface Separation {
  readonly rule: SeparationRule;
  readonly carriers: ReadonlySet<PodKind>;
  readonly named: ReadonlySet<PodKind>;
}

/** Kinds that carry one spread rule and see the same nodes. */
interface SpreadView {
  readonly rule: SpreadRule;
  readonly carriers: Set<PodKind>;
  readonly counted: ReadonlySet<PodKind>;
}

interface SiteRules {
  readonly separations: readonly Separation[];
  readonly views: readonly SpreadView[];
}

/** Where a site is, if it is not where it is: for substitutes in another domain. */
interface Move {
  readonly site: Site;
  readonly labels: Labels;
}

/** All rules between pods of a plan. */
export class PairRules {
  readonly #reachable: ReachableDomains;
  readonly #sitesOf = new Map<PodKind, Site[]>();
  readonly #sites: readonly Site[];
  readonly #separations: readonly Separation[];
  readonly #views: readonly SpreadView[];
  readonly #rulesAt = new Map<Site, SiteRules>();
  /** Selection text -> labels of nodes -> admitted; nodes of one offering share their labels. */
  readonly #admitted = new Map<string, Map<NodeLabels, boolean>>();

  /** O(rules x kinds + sites x kinds on them). */
  constructor(sites: readonly Site[], reachable: ReachableDomains) {
    this.#reachable = reachable;
    this.#sites = sites;
    for (const site of sites) {
      for (const counts of [site.standing, site.placed, site.daemons]) {
        for (const kind of counts.keys()) {
          const known = entry(this.#sitesOf, kind, (): Site[] => []);
          if (known.at(-1) !== site) known.push(site);
        }
      }
    }
    const kinds = [...this.#sitesOf.keys()];
    this.#separations = separationsOf(kinds);
    this.#views = spreadViewsOf(kinds);
  }

  /** Adds `anti-affinity` and `topology-spread` findings. */
  check(found: FindingList): void {
    for (const separation of this.#separations) this.#report(this.#separated(separation), found);
    for (const view of this.#views) this.#report(this.#spread(view), found);
  }

  #report(breaches: readonly Breach[], found: FindingList): void {
    for (const { code, site, message } of breaches)
      found.add(code, `Node ${site.name}`, () => message);
  }

  /** What would break if the node stood where `labels` say; undefined if nothing would. */
  findBreachByMove(site: Site, labels: Labels): string | undefined {
    const move = { site, labels };
    const isMoved = ({ rule }: Separation | SpreadView): boolean =>
      !isHostname(rule.topologyKey) && site.settled[rule.topologyKey] !== labels[rule.topologyKey];
    const { separations, views } = entry(this.#rulesAt, site, () => this.#rulesOf(site));
    for (const separation of separations.filter(isMoved)) {
      const [breach] = this.#separated(separation, move);
      if (breach !== undefined) return breach.message;
    }
    for (const view of views.filter(isMoved)) {
      const [breach] = this.#spread(view, move);
      if (breach !== undefined) return breach.message;
    }
    return undefined;
  }

  /** Rules that the pods which the plan puts on a site carry or, for separations, are named by. */
  #rulesOf({ placed }: Site): SiteRules {
    const isHere = (kinds: ReadonlySet<PodKind>): boolean =>
      [...placed.keys()].some((kind) => kinds.has(kind));
    return {
      separations: this.#separations.filter(
        ({ carriers, named }) => isHere(carriers) || isHere(named),
      ),
      views: this.#views.filter(({ carriers }) => isHere(carriers)),
    };
  }

  #sitesWith(kinds: Iterable<PodKind>): ReadonlySet<Site> {
    const sites = new Set<Site>();
    for (const kind of kinds) for (const site of this.#sitesOf.get(kind) ?? []) sites.add(site);
    return sites;
  }

  /** A pair (carrier, named pod) in one domain, at least one of them placed by the plan. */
  #separated({ rule, carriers, named }: Separation, move?: Move): readonly Breach[] {
    const tallies = new Map<
      string,
      { now: PairTally; before: PairTally; site: Site | undefined }
    >();
    for (const site of this.#sitesWith(carriers.union(named))) {
      const domain = domainOf(site, rule.topologyKey, move);
      if (domain === undefined) continue;
      const tally = entry(tallies, domain, () => ({
        now: new PairTally(),
        before: new PairTally(),
        site: undefined,
      }));
      const residents = isHostname(rule.topologyKey)
        ? [site.standing, site.daemons]
        : [site.standing];
      for (const counts of residents) {
        tally.before.add(counts, carriers, named);
        tally.now.add(counts, carriers, named);
      }
      if (tally.now.add(site.placed, carriers, named)) tally.site ??= site;
    }
    return [...tallies].flatMap(([domain, { now, before, site }]) => {
      if (site === undefined || now.pairs <= before.pairs) return [];
      const [carrier] = carriers;
      const message = `anti-affinity of pods like ${describe(carrier!)} over ${rule.topologyKey} is broken in ${domain}`;
      return [{ code: 'anti-affinity', site, message }];
    });
  }

  #spread(view: SpreadView, move?: Move): readonly Breach[] {
    const { rule, carriers, counted } = view;
    const [someone] = carriers;
    if (someone === undefined || !this.#isPlaced(carriers)) return [];
    const overHosts = isHostname(rule.topologyKey);
    const all = new Map<string, number>();
    const firm = new Map<string, number>();
    const placedAt = new Map<string, Site>();
    const sites = overHosts ? this.#sitesWith(carriers.union(counted)) : this.#sites;
    for (const site of sites) {
      const domain = domainOf(site, rule.topologyKey, move);
      const hasCarriers = [...site.placed.keys()].some((kind) => carriers.has(kind));
      if (domain === undefined) {
        if (hasCarriers && !site.labels.open.has(rule.topologyKey)) {
          const message = `pods like ${describe(someone)} are spread over ${rule.topologyKey}, which the node does not have`;
          return [{ code: 'topology-spread', site, message }];
        }
        continue;
      }
      if (hasCarriers && !placedAt.has(domain)) placedAt.set(domain, site);
      if (!this.#sees(rule, someone, site)) continue;
      const standing =
        sumOf(site.standing, counted) -
        sumOf(site.going, counted) +
        (overHosts ? sumOf(site.daemons, counted) : 0);
      const placed = sumOf(site.placed, counted);
      add(all, domain, standing + placed);
      add(firm, domain, standing + sumOf(site.placed, counted.intersection(carriers)));
    }
    const floor = overHosts ? 0 : this.#floor(rule, someone, all);
    return [...placedAt].flatMap(([domain, site]) => {
      const count = firm.get(domain) ?? 0;
      if (count - floor <= rule.maxSkew) return [];
      const message = `${count} pods like ${describe(someone)} in ${domain}, ${floor} where they are fewest, maxSkew ${rule.maxSkew} over ${rule.topologyKey}`;
      return [{ code: 'topology-spread', site, message }];
    });
  }

  /** Whether pods on the site are counted, as a carrier of the rule sees it. */
  #sees(rule: SpreadRule, { selection, tolerations }: PodKind, { labels, taints }: Site): boolean {
    if (rule.honorsAffinity) {
      const known = entry(this.#admitted, selection.text, () => new Map<NodeLabels, boolean>());
      if (!entry(known, labels, () => admitsSelection(labels, selection))) return false;
    }
    return !rule.honorsTaints || firstUntoleratedTaint(taints, tolerations) === undefined;
  }

  #floor(rule: SpreadRule, kind: PodKind, counts: ReadonlyMap<string, number>): number {
    const domains = new Set(counts.keys()).union(this.#reachable(kind, rule.topologyKey));
    if (domains.size < rule.minDomains) return 0;
    let least = Infinity;
    for (const domain of domains) least = Math.min(least, counts.get(domain) ?? 0);
    return least;
  }

  #isPlaced(kinds: ReadonlySet<PodKind>): boolean {
    for (const site of this.#sitesWith(kinds)) {
      for (const kind of kinds) if (site.placed.has(kind)) return true;
    }
    return false;
  }
}

/** Pods of one domain by their part in a separation rule. */
class PairTally {
  #carriers = 0;
  #named = 0;
  #both = 0;

  /** True if any of the pods has a part. */
  add(counts: KindCounts, carriers: ReadonlySet<PodKind>, named: ReadonlySet<PodKind>): boolean {
    let any = false;
    for (const [kind, pods] of counts) {
      const [carries, isNamed] = [carriers.has(kind), named.has(kind)];
      if (carries) this.#carriers += pods;
      if (isNamed) this.#named += pods;
      if (carries && isNamed) this.#both += pods;
      any ||= carries || isNamed;
    }
    return any;
  }

  /** Ordered pairs of a carrier and another pod that it names. */
  get pairs(): number {
    return this.#carriers * this.#named - this.#both;
  }
}

function separationsOf(kinds: readonly PodKind[]): readonly Separation[] {
  const byText = new Map<string, { rule: SeparationRule; carriers: Set<PodKind> }>();
  for (const kind of kinds) {
    for (const rule of kind.separations) {
      entry(byText, rule.text, () => ({ rule, carriers: new Set<PodKind>() })).carriers.add(kind);
    }
  }
  return [...byText.values()].map(({ rule, carriers }) => ({
    rule,
    carriers,
    named: kindsInScope(kinds, rule.scope),
  }));
}

function spreadViewsOf(kinds: readonly PodKind[]): readonly SpreadView[] {
  const byText = new Map<string, SpreadView>();
  for (const kind of kinds) {
    for (const rule of kind.spreads) {
      const text = JSON.stringify([
        rule.text,
        rule.honorsAffinity ? kind.selection.text : '',
        rule.honorsTaints ? kind.tolerations : [],
      ]);
      const carriers = new Set<PodKind>();
      const view = entry(byText, text, () => ({
        rule,
        carriers,
        counted: kindsInScope(kinds, rule.scope),
      }));
      view.carriers.add(kind);
    }
  }
  return [...byText.values()];
}

function kindsInScope(kinds: readonly PodKind[], scope: PodScope): ReadonlySet<PodKind> {
  return new Set(kinds.filter(({ namespace, labels }) => isInScope(scope, namespace, labels)));
}

function domainOf(site: Site, topologyKey: string, move: Move | undefined): string | undefined {
  if (isHostname(topologyKey)) return site.name;
  return (move?.site === site ? move.labels : site.settled)[topologyKey];
}

function isHostname(topologyKey: string): boolean {
  return topologyKey === labelHostname;
}

function sumOf(counts: KindCounts, kinds: ReadonlySet<PodKind>): number {
  let sum = 0;
  for (const [kind, pods] of counts) if (kinds.has(kind)) sum += pods;
  return sum;
}

function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}
