/**
 * What a NodePool would launch, label by label.
 *
 * In: NodePools, and the label values that pods mention. Out: templates: a pool with its taints, its
 * requirements and the labels that it puts on nodes. A label of the user's own whose value the pool
 * leaves open (In with several values, Exists, NotIn, Gt, ...) is settled here: one template for
 * each value that some pod can tell apart, so that everything after sees fixed labels. It knows no
 * pods and no resources.
 *
 * Rules: Karpenter's templates.
 */
import type { Taint } from '../api/kubernetes.ts';
import { labelNodePool, nodeClassLabel } from '../api/labels.ts';
import type { NodePool } from '../api/nodepool.ts';
import type { NodeSelection } from '../scheduling/node-affinity.ts';
import { poolRequirements, whyIdle } from '../scheduling/pool-admission.ts';
import {
  admitsValue,
  isUnsatisfiable,
  type Requirement,
  type Requirements,
} from '../scheduling/requirements.ts';
import { isCloudLabel } from '../scheduling/well-known-labels.ts';
import type { InstanceType } from '../state/instance-type.ts';
import type { InstanceTypesOfPool } from './packing-model.ts';

/** Most combinations of open label values that one pool is tried with. */
export const maxTemplatesPerPool = 64;

/** How many integers are tried for a label whose value nobody mentions. */
const maxTriedIntegers = 1000;

export interface MinValues {
  readonly key: string;
  readonly count: number;
}

/** A pool with all its own labels settled. */
export interface PoolTemplate {
  readonly index: number;
  readonly pool: NodePool;
  readonly name: string;
  readonly weight: number;
  readonly nodeClass: string;
  readonly types: readonly InstanceType[];
  readonly taints: readonly Taint[];
  /** Labels of its nodes that do not depend on the instance type or its place. */
  readonly labels: Readonly<Record<string, string>>;
  /** Those of `labels` whose values were chosen here. */
  readonly chosenLabels: Readonly<Record<string, string>>;
  /** What the pool demands of labels that the cloud sets. */
  readonly cloudRequirements: Requirements;
  readonly minValues: readonly MinValues[];
}

/** Label values that pods can tell apart, by key. */
export interface MentionedValues {
  readonly values: ReadonlyMap<string, ReadonlySet<string>>;
  /** Keys over which pods are spread or kept apart: every value counts. */
  readonly topologyKeys: ReadonlySet<string>;
}

/** Collects the values that selections mention, bounds of integers included. */
export function mentionedValues(
  selections: readonly NodeSelection[],
  topologyKeys: ReadonlySet<string>,
): MentionedValues {
  const values = new Map<string, Set<string>>();
  for (const { alternatives } of selections) {
    for (const requirement of alternatives.flatMap((one) => [...one.values()])) {
      let known = values.get(requirement.key);
      if (known === undefined) {
        known = new Set();
        values.set(requirement.key, known);
      }
      for (const value of requirement.values) {
        known.add(value);
      }
      for (const bound of [requirement.gte, requirement.lte]) {
        if (Number.isFinite(bound)) {
          known.add(String(bound));
        }
      }
    }
  }
  return { values, topologyKeys };
}

/** A value that satisfies the requirement and that no pod mentions; undefined if none is found. */
function unmentionedValue(
  requirement: Requirement,
  mentioned: ReadonlySet<string>,
): string | undefined {
  const start = Number.isFinite(requirement.gte) ? requirement.gte : 0;
  const first = Math.min(start, requirement.lte);
  for (let step = 0; step < maxTriedIntegers; step++) {
    const value = String(first + step);
    if (!mentioned.has(value) && admitsValue(requirement, value)) {
      return value;
    }
  }
  return undefined;
}

/** Values (undefined: no such label) that nodes of a pool are tried with for one label. */
function candidateValues(
  requirement: Requirement,
  mentions: MentionedValues,
): readonly (string | undefined)[] {
  const mentioned = mentions.values.get(requirement.key);
  const sorted = [...requirement.values].sort();
  if (!requirement.complement) {
    if (sorted.length === 0) {
      return requirement.absent ? [undefined] : [];
    }
    return mentioned !== undefined || mentions.topologyKeys.has(requirement.key)
      ? sorted
      : sorted.slice(0, 1);
  }
  const values: (string | undefined)[] = [...(mentioned ?? [])]
    .filter((value) => admitsValue(requirement, value))
    .sort();
  const other = unmentionedValue(requirement, mentioned ?? new Set());
  if (other !== undefined && (!requirement.absent || mentioned !== undefined)) {
    values.push(other);
  }
  if (requirement.absent) {
    values.unshift(undefined);
  }
  return values;
}

type Choice = ReadonlyMap<string, string | undefined>;

/** All combinations of candidate values, at most `limit`. */
function combinations(
  open: readonly Requirement[],
  mentions: MentionedValues,
  limit: number,
): { readonly choices: readonly Choice[]; readonly cut: boolean } {
  let choices: Choice[] = [new Map()];
  let cut = false;
  for (const requirement of open) {
    const values = candidateValues(requirement, mentions);
    const longer = choices.flatMap((choice) =>
      values.map((value) => new Map([...choice, [requirement.key, value]])),
    );
    cut ||= longer.length > limit;
    choices = longer.slice(0, limit);
  }
  return { choices, cut };
}

export interface PoolTemplates {
  readonly templates: readonly PoolTemplate[];
  readonly notes: readonly string[];
}

/** Templates of all pools, in the order of the pools. */
export function poolTemplates(
  pools: readonly NodePool[],
  typesOf: InstanceTypesOfPool,
  mentions: MentionedValues,
): PoolTemplates {
  const templates: PoolTemplate[] = [];
  const notes: string[] = [];
  for (const pool of pools) {
    const name = pool.metadata.name ?? '';
    const idle = whyIdle(pool);
    if (idle !== undefined) {
      notes.push(`NodePool ${name} ${idle}: no nodes are planned from it`);
      continue;
    }
    const nodeClass = pool.spec.template.spec.nodeClassRef.name;
    const types = typesOf(pool);
    if (types.length === 0) {
      notes.push(`NodePool ${name}: its node class ${nodeClass} offers no instance types`);
      continue;
    }
    const made = templatesOf(pool, types, mentions, templates.length);
    templates.push(...made.templates);
    if (made.templates.length === 0) {
      notes.push(`NodePool ${name}: its requirements contradict each other`);
    }
    if (made.cut) {
      notes.push(
        `NodePool ${name} leaves more than ${maxTemplatesPerPool} combinations of label values open; only so many were tried`,
      );
    }
  }
  return { templates, notes };
}

function templatesOf(
  pool: NodePool,
  types: readonly InstanceType[],
  mentions: MentionedValues,
  firstIndex: number,
): { readonly templates: readonly PoolTemplate[]; readonly cut: boolean } {
  const { spec } = pool.spec.template;
  const name = pool.metadata.name ?? '';
  const all = poolRequirements(pool);
  if ([...all.values()].some(isUnsatisfiable)) {
    return { templates: [], cut: false };
  }
  const cloud = new Map([...all].filter(([key]) => isCloudLabel(key)));
  const own = [...all.values()].filter(({ key }) => !isCloudLabel(key));
  const isOpen = (key: string): boolean => {
    const requirement = all.get(key);
    return requirement === undefined || requirement.complement || requirement.values.size > 1;
  };
  const { choices, cut } = combinations(own, mentions, maxTemplatesPerPool);
  const fixed = {
    pool,
    name,
    weight: pool.spec.weight ?? 0,
    nodeClass: spec.nodeClassRef.name,
    types,
    taints: spec.taints ?? [],
    cloudRequirements: cloud,
    minValues: [...all.values()]
      .filter(({ minValues }) => minValues > 0)
      .map(({ key, minValues }) => ({ key, count: minValues })),
  };
  const templates = choices.map((choice, index) => {
    const settled = [...choice].flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value]],
    );
    const labels: Record<string, string> = {
      ...Object.fromEntries(settled),
      [labelNodePool]: name,
      [nodeClassLabel(spec.nodeClassRef.group)]: fixed.nodeClass,
    };
    return {
      ...fixed,
      index: firstIndex + index,
      labels,
      chosenLabels: Object.fromEntries(settled.filter(([key]) => isOpen(key!))),
    };
  });
  return { templates, cut };
}
