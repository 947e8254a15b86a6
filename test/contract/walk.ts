/**
 * Random walks over an API server: the same steps on two of them must have the same outcomes.
 *
 * In: two clients, a seed. Out: the steps on which they disagree, in words. What is compared is what
 * callers rest on: outcomes and codes, and of objects everything but times, UIDs, versions and the
 * defaults that only the real server fills in. Versions are compared by whether they moved.
 */
import type { Live } from '../../core/api/kinds.ts';
import { type ClusterClient, ClusterError } from '../../core/ports.ts';
import type { SeededRandom } from '../../sim/random.ts';
import { nodeClaimOf, podOf } from './world.ts';

type WalkKind = 'Pod' | 'NodeClaim' | 'Lease';

/** A step, before it is bound to a server: `current` and `first` are what that server has. */
interface Step {
  /** The object. */
  readonly id: string;
  readonly text: string;
  readonly run: (client: ClusterClient, memory: Memory) => Promise<unknown>;
}

/** What one server has told of each object, to make stale and wrong preconditions from. */
interface Memory {
  readonly first: Map<string, Live<WalkKind>>;
  readonly latest: Map<string, Live<WalkKind>>;
}

const kinds: readonly WalkKind[] = ['Pod', 'NodeClaim', 'Lease'];
const names = ['a', 'b'];
const nodeNames = ['n1', 'n2'];
const labelKeys = ['app', 'tier'];
const values = ['x', 'y', ''];
const finalizers = ['example.com/one', 'example.com/two'];
const managers = ['first', 'second'];
const conditionTypes = ['Launched', 'Registered', 'Initialized'];
const wrongUid = '00000000-0000-4000-8000-000000000000';

export interface Comparison {
  /** The first step on which they differ, after all that happened to its object before. */
  readonly difference: string | undefined;
  /** How often each outcome was compared. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** Walks so many steps, or to the first on which the two differ: all after it would be noise. */
export async function compareWalks(
  one: ClusterClient,
  two: ClusterClient,
  random: SeededRandom,
  namespace: string,
  stepCount: number,
): Promise<Comparison> {
  const outcomes = new Map<string, number>();
  const memories: readonly [Memory, Memory] = [newMemory(), newMemory()];
  // Without its node a pod would be collected on the way, after real time.
  for (const client of [one, two]) {
    for (const name of nodeNames) {
      await client.create('Node', { metadata: { name: `${namespace}-${name}` } });
    }
  }
  const past: { readonly id: string; readonly line: string }[] = [];
  for (let number = 0; number < stepCount; number += 1) {
    const step = randomStep(random, namespace);
    const left = await outcomeOf(one, memories[0], step);
    const right = await outcomeOf(two, memories[1], step);
    const outcome = left.split(' ', 1)[0] ?? '';
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    past.push({ id: step.id, line: `${number}: ${step.text}\n    ${left}` });
    if (left !== right) {
      const lines = past.filter(({ id }) => id === step.id).map(({ line }) => line);
      return { difference: `${lines.join('\n')}\n    but: ${right}`, outcomes };
    }
  }
  return { difference: undefined, outcomes };
}

function newMemory(): Memory {
  return { first: new Map(), latest: new Map() };
}

async function outcomeOf(client: ClusterClient, memory: Memory, step: Step): Promise<string> {
  try {
    const answer = await step.run(client, memory);
    return typeof answer === 'string' ? answer : `ok ${JSON.stringify(answer)}`;
  } catch (error) {
    if (error instanceof ClusterError) return error.code;
    throw error;
  }
}

function randomStep(random: SeededRandom, namespace: string): Step {
  const kind = random.pick(kinds);
  const name = random.pick(names);
  const where = kind === 'NodeClaim' ? { name: `${namespace}-${name}` } : { namespace, name };
  const id = `${kind} ${name}`;
  const makers = [create, merge, merge, json, apply, apply, remove, replace, status, read, read];
  if (kind === 'Pod') makers.push(bind, evict);
  return random.pick(makers)();

  /** Keeps what a server answered, and reduces it to what is compared. */
  function kept(memory: Memory, object: Live<WalkKind>): object {
    const previous = memory.latest.get(id);
    if (previous?.metadata.uid !== object.metadata.uid) memory.first.set(id, object);
    memory.latest.set(id, object);
    return comparable(object, previous);
  }

  function create(): Step {
    const labels = randomLabels(random);
    const held = random.chance(0.4) ? [random.pick(finalizers)] : undefined;
    const fieldManager = random.pick(managers);
    const metadata = { ...where, labels, ...(held === undefined ? {} : { finalizers: held }) };
    return {
      id,
      text: `create ${id} ${JSON.stringify(metadata)} by ${fieldManager}`,
      run: async (client, memory) => {
        const options = { fieldManager };
        const made =
          kind === 'Pod'
            ? await client.create(kind, { ...podOf(namespace, name), metadata }, options)
            : kind === 'Lease'
              ? await client.create(kind, { metadata, spec: { leaseDurationSeconds: 5 } }, options)
              : await client.create(kind, { ...nodeClaimOf('', ''), metadata }, options);
        return kept(memory, made);
      },
    };
  }

  function merge(): Step {
    const body = random.pick([
      () => ({ metadata: { labels: randomLabelPatch(random) } }),
      () => ({ metadata: { annotations: randomLabelPatch(random) } }),
      () => ({ metadata: { finalizers: randomSubset(random, finalizers) } }),
      () => ({ metadata: { labels: null, annotations: null } }),
      () => ({ spec: specChange(random, kind) }),
      () => ({ status: { phase: 'Running', nodeName: 'n' } }),
    ])();
    const check = random.pick(['none', 'none', 'current', 'stale', 'wrong uid'] as const);
    const fieldManager = random.pick(managers);
    return {
      id,
      text: `merge ${id} ${JSON.stringify(body)} under ${check} by ${fieldManager}`,
      run: async (client, memory) => {
        const options = { fieldManager, ...preconditions(memory, id, check) };
        return kept(memory, await client.patch(kind, where, { type: 'merge', body }, options));
      },
    };
  }

  function json(): Step {
    const operations = random.pick([
      () => [{ op: 'add' as const, path: '/metadata/labels', value: randomLabels(random) }],
      () => [{ op: 'remove' as const, path: `/metadata/labels/${random.pick(labelKeys)}` }],
      () => [
        { op: 'test' as const, path: '/metadata/labels/app', value: random.pick(values) },
        { op: 'replace' as const, path: '/metadata/labels/app', value: 'z' },
      ],
      () => [{ op: 'remove' as const, path: '/metadata/finalizers' }],
      () => [
        { op: 'add' as const, path: '/metadata/finalizers', value: [random.pick(finalizers)] },
      ],
    ])();
    const check = random.pick(['none', 'current', 'stale'] as const);
    return {
      id,
      text: `json ${id} ${JSON.stringify(operations)} under ${check}`,
      run: async (client, memory) => {
        const options = preconditions(memory, id, check);
        return kept(memory, await client.patch(kind, where, { type: 'json', operations }, options));
      },
    };
  }

  /** Only kinds whose owners of fields the simulation keeps. */
  function apply(): Step {
    const claim = `${namespace}-${name}`;
    const fieldManager = random.pick(managers);
    const force = random.chance(0.4);
    const claimId = `NodeClaim ${name}`;
    const type = { apiVersion: 'karpenter.sh/v1', kind: 'NodeClaim' } as const;
    const isStatus = random.chance(0.4);
    // No empty maps and lists: whether applying one again counts as a change depends on the second.
    const labels = { app: random.pick(values), ...randomLabels(random) };
    const held = [random.pick(finalizers)];
    const types = randomSubset(random, conditionTypes);
    const conditions = (types.length === 0 ? ['Launched'] : types).map((one) => ({
      type: one,
      status: random.chance(0.5) ? ('True' as const) : ('False' as const),
    }));
    const object = isStatus
      ? { ...type, metadata: { name: claim }, status: { conditions } }
      : {
          ...nodeClaimOf('', ''),
          metadata: { name: claim, labels, ...(random.chance(0.5) ? { finalizers: held } : {}) },
        };
    return {
      id: claimId,
      text: `apply ${JSON.stringify(object)} by ${fieldManager}${force ? ' by force' : ''}`,
      run: async (client, memory) => {
        const options = {
          fieldManager,
          force,
          ...(isStatus ? { subresource: 'status' as const } : {}),
        };
        const stored = await client.apply('NodeClaim', object, options);
        const previous = memory.latest.get(claimId);
        if (previous?.metadata.uid !== stored.metadata.uid) memory.first.set(claimId, stored);
        memory.latest.set(claimId, stored);
        return comparable(stored, previous);
      },
    };
  }

  function remove(): Step {
    const check = random.pick(['none', 'none', 'current', 'stale', 'wrong uid'] as const);
    const grace = kind === 'Pod' && random.chance(0.3) ? { gracePeriodSeconds: 0 } : {};
    return {
      id,
      text: `delete ${id} under ${check} ${JSON.stringify(grace)}`,
      run: async (client, memory) =>
        await client.delete(kind, where, { ...grace, ...preconditions(memory, id, check) }),
    };
  }

  function replace(): Step {
    const isStale = random.chance(0.4);
    const labels = randomLabels(random);
    return {
      id,
      text: `replace ${id}${isStale ? ' (stale)' : ''} with labels ${JSON.stringify(labels)}`,
      run: async (client, memory) => {
        const base = isStale ? memory.first.get(id) : await client.get(kind, where);
        if (base === undefined) return 'nothing to replace';
        const changed = { ...base, metadata: { ...base.metadata, labels } };
        return kept(memory, await client.replace(kind, changed));
      },
    };
  }

  function status(): Step {
    const fieldManager = random.pick(managers);
    const body = {
      status: kind === 'Pod' ? { phase: 'Running' } : { nodeName: random.pick(values) },
    };
    return {
      id,
      text: `status ${id} ${JSON.stringify(body)}`,
      run: async (client, memory) => {
        if (kind === 'Lease') return 'no status';
        const options = { subresource: 'status' as const, fieldManager };
        const patch = { type: 'merge', body: body as object } as const;
        return kept(memory, await client.patch(kind, where, patch, options));
      },
    };
  }

  function read(): Step {
    return {
      id,
      text: `get ${id}`,
      run: async (client, memory) => {
        const found = await client.get(kind, where);
        return found === undefined ? 'nothing' : kept(memory, found);
      },
    };
  }

  function bind(): Step {
    const node = `${namespace}-${random.pick(nodeNames)}`;
    const isWrong = random.chance(0.2);
    return {
      id,
      text: `bind ${id} to ${node}${isWrong ? ' under a wrong UID' : ''}`,
      run: async (client, memory) => {
        const uid = isWrong ? wrongUid : (memory.latest.get(id)?.metadata.uid ?? wrongUid);
        return await client.bind({ namespace, name, uid }, node);
      },
    };
  }

  function evict(): Step {
    return {
      id,
      text: `evict ${id}`,
      run: async (client, memory) => {
        const uid = memory.latest.get(id)?.metadata.uid ?? wrongUid;
        return await client.evict({ namespace, name, uid });
      },
    };
  }
}

function preconditions(
  memory: Memory,
  id: string,
  check: 'none' | 'current' | 'stale' | 'wrong uid',
): { resourceVersion?: string; uid?: string } {
  const latest = memory.latest.get(id)?.metadata;
  if (check === 'wrong uid') return { uid: wrongUid };
  if (check === 'none' || latest === undefined) return {};
  if (check === 'current') return { resourceVersion: latest.resourceVersion, uid: latest.uid };
  return { resourceVersion: memory.first.get(id)?.metadata.resourceVersion ?? '1' };
}

function comparable(object: Live<WalkKind>, previous: Live<WalkKind> | undefined): object {
  const { metadata } = object;
  const spec = 'spec' in object ? object.spec : undefined;
  const { nodeName, tolerations, ...rest } = (spec ?? {}) as {
    nodeName?: string;
    tolerations?: unknown;
    expireAfter?: string;
    leaseDurationSeconds?: number;
  };
  const {
    phase,
    conditions,
    nodeName: statusNode,
  } = ((object as { status?: object }).status ?? {}) as {
    phase?: string;
    nodeName?: string;
    conditions?: { type: string; status: string }[];
  };
  return {
    labels: sorted(metadata.labels),
    annotations: sorted(metadata.annotations),
    finalizers: metadata.finalizers?.toSorted(),
    isDying: metadata.deletionTimestamp !== undefined,
    generation: metadata.generation,
    hasMoved: previous?.metadata.resourceVersion !== metadata.resourceVersion,
    isSame: previous?.metadata.uid === metadata.uid,
    spec: [nodeName, tolerations, rest.expireAfter, rest.leaseDurationSeconds],
    status: [phase, statusNode, conditions?.map(({ type, status }) => `${type}=${status}`).sort()],
  };
}

function sorted(strings: Readonly<Record<string, string>> | undefined): unknown {
  return strings === undefined
    ? undefined
    : Object.entries(strings).sort(([a], [b]) => (a < b ? -1 : 1));
}

function specChange(random: SeededRandom, kind: WalkKind): object {
  if (kind === 'Lease') return { leaseDurationSeconds: 1 + random.integer(3) };
  if (kind === 'NodeClaim') return { expireAfter: random.pick(['720h', '1h']) };
  return random.pick([{ nodeName: 'n9' }, { priority: 5 }, { schedulerName: 'other' }]);
}

function randomLabels(random: SeededRandom): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const key of labelKeys) if (random.chance(0.6)) labels[key] = random.pick(values);
  return labels;
}

function randomLabelPatch(random: SeededRandom): Record<string, string | null> {
  return { [random.pick(labelKeys)]: random.chance(0.3) ? null : random.pick(values) };
}

function randomSubset<T>(random: SeededRandom, items: readonly T[]): T[] {
  return items.filter(() => random.chance(0.5));
}
