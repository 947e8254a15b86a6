/**
 * What the scheduler makes of an extender's answers.
 *
 * In: extenders, a pod, nodes. Out: survivors with reasons, scores, surviving victims; or the
 * ExtenderFailure of one that may not be ignored. Source: `pkg/scheduler/extender.go` as tried in
 * `reference/extender.md` 1.2 to 1.5: always with names only (nodeCacheCapable).
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec } from '../../core/api/kubernetes.ts';
import {
  ExtenderFailure,
  type ExtenderTransport,
  type ExtenderVerb,
} from './extender-transport.ts';

export interface ExtenderSettings {
  readonly transport: ExtenderTransport;
  readonly verbs: ReadonlySet<ExtenderVerb>;
  /** Of prioritize. */
  readonly weight: number;
  /** Failures are passed over. */
  readonly isIgnorable: boolean;
  /** Only pods that ask for one of these are sent; empty: all. */
  readonly managedResources: readonly string[];
}

export interface FilterOutcome {
  readonly names: readonly string[];
  /** Reason by node. */
  readonly rejected: ReadonlyMap<string, string>;
  /** Nodes where preemption would not help. */
  readonly unresolvable: ReadonlySet<string>;
}

/** Pods that would have to go, by node. */
export type Victims = ReadonlyMap<string, ReadonlySet<string>>;

const scoreScale = 10;

/** The extenders one after the other, each seeing what the one before has left. */
export async function filterByExtenders(
  extenders: readonly ExtenderSettings[],
  pod: Live<'Pod'>,
  names: readonly string[],
): Promise<FilterOutcome> {
  let left = names;
  const rejected = new Map<string, string>();
  const unresolvable = new Set<string>();
  for (const extender of extenders) {
    if (left.length === 0) break;
    if (!extender.verbs.has('filter') || !isInterested(extender, pod)) continue;
    const answer = await ask(extender, 'filter', { Pod: pod, Nodes: null, NodeNames: left });
    if (answer === undefined) continue;
    const { NodeNames, FailedNodes, FailedAndUnresolvableNodes } = answer as {
      readonly NodeNames?: readonly string[] | null;
      readonly FailedNodes?: Readonly<Record<string, string>>;
      readonly FailedAndUnresolvableNodes?: Readonly<Record<string, string>>;
    };
    const asked = new Set(left);
    left = NodeNames ?? [];
    const foreign = left.find((name) => !asked.has(name));
    if (foreign !== undefined) {
      throw new ExtenderFailure(`filter: extender claims a filtered node "${foreign}"`);
    }
    for (const [name, reason] of Object.entries(FailedNodes ?? {})) rejected.set(name, reason);
    for (const [name, reason] of Object.entries(FailedAndUnresolvableNodes ?? {})) {
      rejected.set(name, reason);
      unresolvable.add(name);
    }
  }
  return { names: left, rejected, unresolvable };
}

/** What the extenders add to each node's score. Failures count for nothing. */
export async function scoresOfExtenders(
  extenders: readonly ExtenderSettings[],
  pod: Live<'Pod'>,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const scores = new Map<string, number>();
  const interested = extenders.filter(
    (extender) => extender.verbs.has('prioritize') && isInterested(extender, pod),
  );
  const answers = await Promise.all(
    interested.map(async (extender) => {
      const body = { Pod: pod, Nodes: null, NodeNames: names };
      try {
        return { extender, list: await ask(extender, 'prioritize', body) };
      } catch (error) {
        if (error instanceof ExtenderFailure) return { extender, list: undefined };
        throw error;
      }
    }),
  );
  for (const { extender, list } of answers) {
    for (const { Host, Score } of (list ?? []) as readonly { Host: string; Score: number }[]) {
      scores.set(Host, (scores.get(Host) ?? 0) + Score * extender.weight * scoreScale);
    }
  }
  return scores;
}

/** The candidates that the extenders leave, with the victims that they leave. */
export async function preemptionByExtenders(
  extenders: readonly ExtenderSettings[],
  pod: Live<'Pod'>,
  victims: Victims,
): Promise<Victims> {
  let left = victims;
  for (const extender of extenders) {
    if (left.size === 0) break;
    if (!extender.verbs.has('preempt') || !isInterested(extender, pod)) continue;
    const meta = Object.fromEntries(
      [...left].map(([name, uids]) => [
        name,
        { Pods: [...uids].map((UID) => ({ UID })), NumPDBViolations: 0 },
      ]),
    );
    const body = { Pod: pod, NodeNameToVictims: null, NodeNameToMetaVictims: meta };
    const answer = await ask(extender, 'preempt', body);
    if (answer === undefined) continue;
    const { NodeNameToMetaVictims = {} } = answer as {
      readonly NodeNameToMetaVictims?: Readonly<
        Record<string, { readonly Pods: readonly { readonly UID: string }[] }>
      >;
    };
    left = new Map(
      Object.entries(NodeNameToMetaVictims).map(([name, { Pods }]) => [
        name,
        new Set(Pods.map(({ UID }) => UID)),
      ]),
    );
  }
  return left;
}

/** True if an extender has bound the pod; false if none binds it and the scheduler must. */
export async function bindByExtender(
  extenders: readonly ExtenderSettings[],
  pod: Live<'Pod'>,
  nodeName: string,
): Promise<boolean> {
  const binder = extenders.find(
    (extender) => extender.verbs.has('bind') && isInterested(extender, pod),
  );
  if (binder === undefined) return false;
  const { namespace = '', name, uid } = pod.metadata;
  const body = { PodName: name, PodNamespace: namespace, PodUID: uid, Node: nodeName };
  return (await ask(binder, 'bind', body)) !== undefined;
}

/** The answer; `undefined` from an extender that may be passed over and failed. */
async function ask(
  { transport, isIgnorable }: ExtenderSettings,
  verb: ExtenderVerb,
  body: object,
): Promise<unknown> {
  try {
    const answer = await transport.call(verb, body);
    const { Error: message = '' } = (answer ?? {}) as { readonly Error?: string };
    if (message !== '') throw new ExtenderFailure(`${verb}: ${message}`);
    return answer ?? {};
  } catch (error) {
    if (error instanceof ExtenderFailure && isIgnorable) return undefined;
    throw error;
  }
}

function isInterested({ managedResources }: ExtenderSettings, { spec }: Live<'Pod'>): boolean {
  return managedResources.length === 0 || asksFor(spec, managedResources);
}

function asksFor(spec: PodSpec, resources: readonly string[]): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources: own }) =>
    resources.some(
      (name) => own?.requests?.[name] !== undefined || own?.limits?.[name] !== undefined,
    ),
  );
}
