/**
 * Why pods that fit somewhere in principle have found no place in a plan.
 *
 * In: a model and a solution that leaves pods out. Out: per family a sentence that names the limits,
 * counts or rules over domains that one more pod would break. It explains what binds after the fact;
 * pods that fit nowhere at all have their reason from the model.
 */
import type { PackingModel } from './packing-model.ts';
import { maxInt32, type PackingProblem, unlimitedCount } from './problem.ts';
import type { PackingSolution } from './solution.ts';

/** Names listed in one sentence; the rest is counted. */
const namesMax = 4;

export interface UnservedReasons {
  /** O(classes of the family x offerings x (resources + limits)). */
  reasonOf(family: number): string;
}

/** Counts what the solution uses, once. O(bins x (limits + contents)). */
export function unservedReasons(model: PackingModel, solution: PackingSolution): UnservedReasons {
  const usage = countUsage(model.problem, solution);
  return { reasonOf: (family) => explain(model, usage, family) };
}

interface Usage {
  /** [offering] bins. */
  readonly bins: Float64Array;
  /** [limit] sum of weights. */
  readonly limits: readonly number[];
  /** [class] pods. */
  readonly pods: Float64Array;
}

function countUsage(problem: PackingProblem, solution: PackingSolution): Usage {
  const bins = new Float64Array(problem.offeringCount);
  const pods = new Float64Array(problem.classCount);
  for (const { offering, copies, classes, counts } of solution.bins) {
    bins[offering]! += copies;
    classes.forEach((c, i) => {
      pods[c]! += counts[i]! * copies;
    });
  }
  const limits = problem.limits.map(({ weight }) =>
    bins.reduce((sum, copies, o) => sum + copies * weight[o]!, 0),
  );
  return { bins, limits, pods };
}

function explain(model: PackingModel, usage: Usage, family: number): string {
  const { problem } = model;
  const limits = new Set<string>();
  const domains = new Set<string>();
  let existingFull = false;
  let countsFull = false;
  let free = false;
  problem.familyOf.forEach((owner, c) => {
    if (owner !== family) return;
    const rules = bindingRules(problem, usage, c);
    for (let o = 0; o < problem.offeringCount; o++) {
      if (!admits(problem, o, c)) continue;
      if (rules.length > 0) {
        for (const rule of rules) domains.add(rule);
        continue;
      }
      const most = problem.available[o]!;
      if (model.offerings[o]?.kind === 'existing') {
        existingFull = true;
      } else if (most !== unlimitedCount && usage.bins[o]! >= most) {
        countsFull = true;
      } else {
        const binding = bindingLimits(problem, usage, o);
        for (const limit of binding) limits.add(limit);
        free ||= binding.length === 0;
      }
    }
  });
  if (free) return 'no place was found for it before the search ended';
  const parts: string[] = [];
  if (limits.size > 0) parts.push(`another node would exceed ${listNames(limits)}`);
  if (countsFull) parts.push('all instances that are available in the number stated are used');
  if (domains.size > 0) parts.push(`another pod would break ${listNames(domains)}`);
  if (existingFull) parts.push('the existing nodes that admit it have no room left');
  return parts.join('; ');
}

/** Whether an empty bin of the offering holds one pod of the class. */
function admits(problem: PackingProblem, offering: number, c: number): boolean {
  if (problem.masks[problem.maskOf[offering]! * problem.classCount + c] === 0) return false;
  const resourceCount = problem.resourceNames.length;
  for (let r = 0; r < resourceCount; r++) {
    const most = problem.capacity[offering * resourceCount + r]!;
    if (problem.request[c * resourceCount + r]! > most) return false;
  }
  return true;
}

function bindingLimits(problem: PackingProblem, usage: Usage, offering: number): string[] {
  return problem.limits
    .filter(
      ({ weight, max }, l) => weight[offering]! > 0 && usage.limits[l]! + weight[offering]! > max,
    )
    .map(({ name }) => name);
}

/** Names of the groups whose rule one more pod of the class would break. */
function bindingRules(problem: PackingProblem, usage: Usage, c: number): string[] {
  const names: string[] = [];
  for (const { name, domains, maxSkew, floorIsZero } of problem.domainGroups) {
    const counts = domains.map(({ classes, existing }) =>
      classes.reduce((sum, one) => sum + usage.pods[one]!, existing),
    );
    const floor = floorIsZero ? 0 : Math.min(...counts);
    domains.forEach(({ classes, max }, z) => {
      if (!classes.includes(c)) return;
      const after = counts[z]! + 1;
      // With one more pod here the smallest count rises only if this domain was the smallest alone.
      const others = counts.filter((_, other) => other !== z);
      const floorAfter = floorIsZero ? 0 : Math.min(after, ...others);
      const skewed = maxSkew !== maxInt32 && after - Math.max(floor, floorAfter) > maxSkew;
      if (after > max || skewed) names.push(name);
    });
  }
  return names;
}

function listNames(names: ReadonlySet<string>): string {
  const listed = [...names].slice(0, namesMax);
  const rest = names.size - listed.length;
  return rest > 0 ? `${listed.join(', ')} and ${rest} more` : listed.join(' and ');
}
