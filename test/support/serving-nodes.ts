/**
 * A simulated world whose nodes serve: claims that were launched, registered and initialized.
 *
 * In: a seed, claims. Out: nodes with pods on them, and what became of them in the order in which it
 * happened. The lifecycle of claims is the product's own; what is under test is started beside it.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { PodSpec } from '../../core/api/kubernetes.ts';
import { startInstanceGarbageCollection } from '../../extender/controllers/nodeclaims/garbage-collection.ts';
import { startNodeClaimLifecycle } from '../../extender/controllers/nodeclaims/lifecycle.ts';
import { type ClaimOptions, type ClaimWorld, claimWorld, draftClaim } from './claim-world.ts';
import { startControllers } from './controller-fixture.ts';

export interface ServingWorld extends ClaimWorld {
  /** Adds a claim and waits until its node serves; answers the node's name. */
  addNode(name: string, options?: ClaimOptions): Promise<string>;
  /** Adds a running pod on a node. */
  addPod(nodeName: string, name: string, options?: ServedPod): Promise<Live<'Pod'>>;
  node(name: string): Live<'Node'> | undefined;
  /** Runs until `isSo`, a second at a time. @throws Error after `limitMs` */
  until(what: string, isSo: () => boolean, limitMs?: number): Promise<void>;
  /** `delete pod a`, `gone pod a`, `ended instance`, `gone node`, `gone claim x`, as they happen. */
  readonly history: readonly string[];
}

export interface ServedPod {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly spec?: Partial<PodSpec>;
}

const startLimitMs = 600_000;

/** Claims come to life by themselves; they do not end by themselves. */
export async function servingWorld(seed: number | string): Promise<ServingWorld> {
  const world = claimWorld(seed);
  const { cluster, clock } = world;
  await startControllers(world, 'lifecycle', {
    start: (context) => [startNodeClaimLifecycle(context), startInstanceGarbageCollection(context)],
  });

  async function until(what: string, isSo: () => boolean, limitMs = startLimitMs): Promise<void> {
    const endMs = clock.nowMs() + limitMs;
    while (!isSo()) {
      if (clock.nowMs() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await clock.advance(1_000);
    }
  }

  return {
    ...world,
    history: follow(world),
    until,
    node: (name) => cluster.get('Node', { name }),
    addNode: async (name, options) => {
      cluster.create(
        'NodeClaim',
        draftClaim(name, { ...options, spec: { taints: [], ...options?.spec } }),
      );
      const isInitialized = () =>
        world
          .claim(name)
          ?.status?.conditions?.some(
            ({ type, status }) => type === 'Initialized' && status === 'True',
          ) === true;
      await until(`${name} is initialized`, isInitialized);
      return world.claim(name)?.status?.nodeName ?? '';
    },
    addPod: async (nodeName, name, { spec, ...metadata } = {}) => {
      cluster.create('Pod', {
        metadata: { namespace: 'default', name, ...metadata },
        spec: { containers: [{ name: 'main' }], ...spec, nodeName },
      });
      const found = () => cluster.get('Pod', { namespace: 'default', name });
      await until(`${name} runs`, () => found()?.status?.phase === 'Running');
      const pod = found();
      if (pod === undefined) throw new Error(`${name} is gone`);
      return pod;
    },
  };
}

function follow({ cluster, engine }: ClaimWorld): string[] {
  const history: string[] = [];
  cluster.listen('Pod', ({ type, object: { metadata }, previous }) => {
    if (metadata.namespace !== 'default') return;
    const isDying = metadata.deletionTimestamp !== undefined;
    if (type === 'deleted') history.push(`gone pod ${metadata.name}`);
    else if (isDying && previous?.metadata.deletionTimestamp === undefined) {
      history.push(`delete pod ${metadata.name}`);
    }
  });
  cluster.listen('Node', ({ type }) => {
    if (type === 'deleted') history.push('gone node');
  });
  cluster.listen('NodeClaim', ({ type, object }) => {
    if (type === 'deleted') history.push(`gone claim ${object.metadata.name}`);
  });
  engine.listen((event) => {
    if (event.type === 'state' && event.instance.state === 'shutting-down') {
      history.push('ended instance');
    }
  });
  return history;
}
