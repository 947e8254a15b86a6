/**
 * DaemonSets that run together on a kind of node, and what they leave of it.
 *
 * In: compiled DaemonSets and which of them a place admits. Out: groups with the sum of what they
 * take, each made once. It decides nothing about pods.
 */
import type { DaemonTemplate } from '../scheduling/daemonsets.ts';
import type { Resources } from '../scheduling/resources.ts';
import type { Residents } from './placement-row.ts';
import { residentsOf } from './residents.ts';
import { addAmounts, podAmounts, type ResourceAxis } from './resource-axis.ts';
import type { RuleBook } from './rule-book.ts';

/** DaemonSets that run on the same kinds of nodes. */
export interface DaemonGroup {
  readonly index: number;
  readonly daemons: readonly DaemonTemplate[];
  /** Sum of requests along the axis, one place among the pods for each. */
  readonly amounts: Float64Array;
  /** Sum of requests of every resource, also of those that no pod asks for. */
  readonly totals: Resources;
  readonly residents: Residents;
}

/** Makes groups on demand. */
export class DaemonGroups {
  readonly #daemons: readonly DaemonTemplate[];
  readonly #axis: ResourceAxis;
  readonly #book: RuleBook;
  readonly #groups = new Map<string, DaemonGroup>();

  constructor(daemons: readonly DaemonTemplate[], axis: ResourceAxis, book: RuleBook) {
    this.#daemons = daemons;
    this.#axis = axis;
    this.#book = book;
  }

  /** The group of the DaemonSets for which `runs` holds. */
  of(runs: (daemon: number) => boolean): DaemonGroup {
    const members: number[] = [];
    for (let daemon = 0; daemon < this.#daemons.length; daemon++) {
      if (runs(daemon)) {
        members.push(daemon);
      }
    }
    const text = members.join();
    let group = this.#groups.get(text);
    if (group === undefined) {
      group = this.#make(members.map((daemon) => this.#daemons[daemon]!));
      this.#groups.set(text, group);
    }
    return group;
  }

  #make(daemons: readonly DaemonTemplate[]): DaemonGroup {
    const amounts = new Float64Array(this.#axis.names.length);
    const totals: Record<string, number> = { pods: daemons.length };
    for (const { requests } of daemons) {
      addAmounts(amounts, podAmounts(this.#axis, requests));
      for (const [resource, amount] of Object.entries(requests)) {
        totals[resource] = (totals[resource] ?? 0) + amount;
      }
    }
    return {
      index: this.#groups.size,
      daemons,
      amounts,
      totals,
      residents: residentsOf(daemons, this.#book),
    };
  }
}

/** Whether the DaemonSets themselves fit into what a node offers. */
export function daemonsFit(group: DaemonGroup, allocatable: Resources): boolean {
  return Object.entries(group.totals).every(
    ([resource, amount]) => amount <= (allocatable[resource] ?? 0),
  );
}
