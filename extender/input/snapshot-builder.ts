/**
 * Gathers validated objects into a ClusterSnapshot.
 *
 * In: objects that their schemas accept, in any order, each with its place in the input. Out: the
 * snapshot: workloads expanded to their pods, priorities and runtime overhead resolved, missing
 * pools and classes replaced by stated defaults. Rules across objects (duplicates, references) are
 * checked here. It reads no files and knows no schemas.
 */
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { FieldProblem } from '../../core/api/field-problem.ts';
import type {
  DaemonSet,
  Namespace,
  Node,
  ObjectMeta,
  Pod,
  PodSpec,
  PodTemplateSpec,
} from '../../core/api/kubernetes.ts';
import {
  karpenterAwsGroup,
  labelJobName,
  labelJobNameLegacy,
  labelNamespaceName,
  labelPodTemplateHash,
  stowageGroup,
} from '../../core/api/labels.ts';
import type { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import type { NodePool } from '../../core/api/nodepool.ts';
import { podSpecProblems } from '../../core/api/pod-rules.ts';
import { InputError } from '../../core/errors.ts';
import type { ClusterSnapshot, SnapshotPod } from '../../core/state/snapshot.ts';
import { Admission } from './admission.ts';
import {
  defaultNodeClass,
  defaultNodeClassNote,
  defaultNodePool,
  defaultNodePoolNote,
} from './defaults.ts';
import { missingPods, OwnershipTally, type Workload } from './expansion.ts';
import { type InputProblems, locationOf, type Place } from './problems.ts';
import { detached, SharedParts } from './shared-parts.ts';

/** Pods that one plan may speak of. */
export const maxPods = 1_000_000;

type Draft = { -readonly [Key in keyof SnapshotPod]: SnapshotPod[Key] };

/** Where a spec was seen first: what an error about its PriorityClass points at. */
interface SpecOrigin {
  readonly place: Place;
  readonly object: string;
  readonly path: string;
}

/** A workload and what its pods look like. */
interface TemplatedWorkload extends Workload {
  readonly spec: PodSpec;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdMs: number;
  /** Names of volume claim templates: each pod mounts a claim of its own for each. */
  readonly claims: readonly string[];
}

export class SnapshotBuilder {
  readonly admission = new Admission();
  /** In the order of the input. */
  readonly nodeOverlays: NodeOverlay[] = [];
  readonly #problems: InputProblems;
  readonly #parts = new SharedParts();
  readonly #tally = new OwnershipTally();
  readonly #pods: Draft[] = [];
  readonly #podNames = new Map<string, Set<string>>();
  readonly #objects = new Set<string>();
  readonly #origins = new Map<PodSpec, SpecOrigin>();
  readonly #unknownPriorities = new Set<SpecOrigin>();
  readonly #workloads: TemplatedWorkload[] = [];
  readonly #nodes: Node[] = [];
  readonly #daemonSets: DaemonSet[] = [];
  readonly #nodePools: { readonly pool: NodePool; readonly place: Place }[] = [];
  readonly #nodeClasses: EC2NodeClass[] = [];
  readonly #namespaceLabels = new Map<string, Readonly<Record<string, string>>>();

  constructor(problems: InputProblems) {
    this.#problems = problems;
  }

  /** Claims the name of an object that is not a pod; false (and a problem) if it is taken. */
  claim(object: string, place: Place): boolean {
    if (this.#objects.has(object)) {
      this.#problems.add(locationOf(place, object), 'expected each object once, found it again');
      return false;
    }
    this.#objects.add(object);
    return true;
  }

  addPod(podName: string, pod: Pod, place: Place): void {
    const { metadata, status } = pod;
    const namespace = this.#parts.string(metadata.namespace ?? 'default');
    const object = `Pod ${namespace}/${podName}`;
    const name = this.#claimPod(namespace, podName);
    if (name === undefined) {
      this.#problems.add(locationOf(place, object), 'expected each object once, found it again');
      return;
    }
    const nodeName = pod.spec.nodeName ?? '';
    const bound = nodeName !== '';
    const spec = this.#spec(pod.spec, { place, object, path: 'spec' }, bound ? status : undefined);
    const phase = status?.phase ?? 'Pending';
    const owner = metadata.ownerReferences?.find((one) => one.controller === true);
    if (owner !== undefined) {
      const over = phase === 'Failed' || metadata.deletionTimestamp !== undefined;
      const state = phase === 'Succeeded' ? 'succeeded' : over ? 'gone' : 'active';
      const hash = metadata.labels?.[labelPodTemplateHash];
      this.#tally.add({ kind: owner.kind, namespace, name: owner.name }, hash, state);
    }
    this.#pods.push({
      namespace,
      name,
      uid: detached(metadata.uid ?? ''),
      labels: this.#parts.labels(metadata.labels),
      annotations: this.#parts.annotations(metadata.annotations),
      spec,
      nodeName: this.#parts.string(nodeName),
      phase: this.#parts.string(phase),
      ownerKind: this.#parts.string(owner?.kind ?? ''),
      createdMs: createdMsOf(metadata),
      priority: 0,
      ...(metadata.deletionTimestamp === undefined
        ? {}
        : { deletionMs: Date.parse(metadata.deletionTimestamp) }),
    });
  }

  /** A workload, its template at `path`; what the number of its pods depends on is in `workload`. */
  addWorkload(
    workload: Workload,
    template: PodTemplateSpec,
    path: string,
    metadata: ObjectMeta,
    claims: readonly string[] = [],
  ): void {
    const { kind, namespace, name, place } = workload;
    const object = `${kind} ${namespace}/${name}`;
    if (!this.claim(object, place)) {
      return;
    }
    if (kind === 'ReplicaSet' && workload.owner?.kind === 'Deployment') {
      this.#tally.addReplicaSet(namespace, workload.owner.name, name);
    }
    const ofJob =
      kind === 'Job' || kind === 'CronJob'
        ? { [labelJobName]: name, [labelJobNameLegacy]: name }
        : {};
    this.#workloads.push({
      ...workload,
      spec: this.#spec(template.spec, { place, object, path: `${path}.spec` }),
      labels: this.#parts.labels({ ...template.metadata?.labels, ...ofJob }),
      annotations: this.#parts.annotations(template.metadata?.annotations),
      createdMs: createdMsOf(metadata),
      claims,
    });
  }

  addDaemonSet(daemonSet: DaemonSet, object: string, place: Place): void {
    const { template } = daemonSet.spec;
    const spec = this.#spec(template.spec, { place, object, path: 'spec.template.spec' });
    this.#daemonSets.push({
      ...daemonSet,
      spec: { ...daemonSet.spec, template: { ...template, spec } },
    });
  }

  addNode(node: Node): void {
    const { capacity, allocatable = capacity } = node.status ?? {};
    this.#nodes.push(
      allocatable === undefined ? node : { ...node, status: { ...node.status, allocatable } },
    );
  }

  addNodePool(pool: NodePool, place: Place): void {
    this.#nodePools.push({ pool, place });
  }

  addNodeClass(nodeClass: EC2NodeClass): void {
    this.#nodeClasses.push(nodeClass);
  }

  addNamespace(name: string, namespace: Namespace): void {
    // The API server keeps this label on every namespace.
    this.#namespaceLabels.set(name, { ...namespace.metadata.labels, [labelNamespaceName]: name });
  }

  /**
   * The snapshot, after every object has been added. `notes` receives what the user should know.
   *
   * @throws {InputError} if the workloads expand to more than `maxPods`.
   */
  finish(notes: string[]): ClusterSnapshot {
    this.#expand();
    for (const pod of this.#pods) {
      pod.priority = this.admission.priorityOf(pod.spec) ?? this.#unknownPriority(pod.spec);
      pod.spec = this.admission.admit(pod.spec);
    }
    const daemonSets = this.#daemonSets.map((one) => this.#admittedDaemonSet(one));
    for (const name of this.admission.missingRuntimeClasses) {
      notes.push(
        `The input has no RuntimeClass "${name}"; pods that name it are counted without the overhead and the node selector it may add.`,
      );
    }
    return {
      pods: this.#pods,
      nodes: this.#nodes,
      daemonSets,
      nodePools: this.#poolsOrDefault(notes),
      nodeClasses: this.#classesWithDefaults(notes),
      namespaceLabels: this.#namespaceLabels,
    };
  }

  #spec(raw: PodSpec, origin: SpecOrigin, status?: Pod['status']): PodSpec {
    const { spec, fresh } = this.#parts.spec(raw, status);
    if (fresh) {
      this.#problems.addAll(origin.place, origin.object, podSpecProblems(spec, origin.path));
      if (spec.priority === undefined && spec.priorityClassName !== undefined) {
        this.#origins.set(spec, origin);
      }
    }
    return spec;
  }

  /** The name, if no pod has it yet. */
  #claimPod(namespace: string, podName: string): string | undefined {
    let names = this.#podNames.get(namespace);
    if (names === undefined) {
      names = new Set();
      this.#podNames.set(namespace, names);
    }
    if (names.has(podName)) {
      return undefined;
    }
    const name = detached(podName);
    names.add(name);
    return name;
  }

  #expand(): void {
    const isTaken = (namespace: string, podName: string) =>
      this.#podNames.get(namespace)?.has(podName) ?? false;
    for (const { workload, podName } of missingPods(this.#workloads, this.#tally, isTaken)) {
      const { kind, namespace, name, place } = workload;
      if (this.#pods.length >= maxPods) {
        const message = `expected at most ${maxPods} pods in all, found more`;
        throw new InputError(locationOf(place, `${kind} ${namespace}/${name}`), message);
      }
      const claimed = this.#claimPod(namespace, podName) ?? podName;
      const { spec, labels, annotations, createdMs, claims } = workload;
      this.#pods.push({
        namespace: this.#parts.string(namespace),
        name: claimed,
        uid: '',
        labels,
        annotations,
        spec: claims.length === 0 ? spec : this.#withClaims(spec, claims, podName),
        nodeName: '',
        phase: 'Pending',
        ownerKind: podOwnerKinds[kind],
        createdMs,
        priority: 0,
      });
    }
  }

  #admittedDaemonSet(daemonSet: DaemonSet): DaemonSet {
    const { template } = daemonSet.spec;
    const spec = this.admission.admit(template.spec);
    return { ...daemonSet, spec: { ...daemonSet.spec, template: { ...template, spec } } };
  }

  /** Reports an unknown PriorityClass, once per object that states it. */
  #unknownPriority(spec: PodSpec): 0 {
    const origin = this.#origins.get(spec);
    if (origin !== undefined && !this.#unknownPriorities.has(origin)) {
      this.#unknownPriorities.add(origin);
      this.#problems.add(
        locationOf(origin.place, origin.object, `${origin.path}.priorityClassName`),
        `expected a PriorityClass of the input, found "${spec.priorityClassName}"`,
      );
    }
    return 0;
  }

  /** The spec of one pod of a StatefulSet with volume claim templates. */
  #withClaims(spec: PodSpec, claims: readonly string[], podName: string): PodSpec {
    const own = claims.map((name) => ({
      name,
      persistentVolumeClaim: { claimName: `${name}-${podName}` },
    }));
    const others = (spec.volumes ?? []).filter((volume) => !claims.includes(volume.name));
    const claimed = { ...spec, volumes: [...others, ...own] };
    const origin = this.#origins.get(spec);
    if (origin !== undefined) {
      this.#origins.set(claimed, origin);
    }
    return claimed;
  }

  #poolsOrDefault(notes: string[]): NodePool[] {
    if (this.#nodePools.length > 0) {
      return this.#nodePools.map(({ pool }) => pool);
    }
    notes.push(defaultNodePoolNote);
    return [defaultNodePool()];
  }

  #classesWithDefaults(notes: string[]): EC2NodeClass[] {
    const given = new Set(
      this.#nodeClasses.map((one) => classKey(groupOf(one), one.metadata.name)),
    );
    const added = new Map<string, EC2NodeClass>();
    const pools = this.#nodePools.length > 0 ? this.#nodePools : [{ pool: defaultNodePool() }];
    for (const { pool, ...origin } of pools) {
      const { group, name } = pool.spec.template.spec.nodeClassRef;
      const key = classKey(group, name);
      if (given.has(key) || added.has(key)) {
        continue;
      }
      if (given.size > 0 && 'place' in origin) {
        const field = 'spec.template.spec.nodeClassRef.name';
        this.#problems.add(
          locationOf(origin.place, `NodePool ${pool.metadata.name}`, field),
          `expected an EC2NodeClass of the input (${[...given].sort().join(', ')}), found "${key}"`,
        );
        continue;
      }
      added.set(key, defaultNodeClass(group, name));
      notes.push(defaultNodeClassNote(name));
    }
    return [...this.#nodeClasses, ...added.values()];
  }
}

/** Kind of the controller that owns the pods of a workload. */
const podOwnerKinds: Readonly<Record<Workload['kind'], string>> = {
  Deployment: 'ReplicaSet',
  ReplicaSet: 'ReplicaSet',
  ReplicationController: 'ReplicationController',
  StatefulSet: 'StatefulSet',
  Job: 'Job',
  CronJob: 'Job',
};

/** Problems of the reference from a pool to its class: only EC2NodeClasses can be launched. */
export function nodeClassRefProblems(pool: NodePool): FieldProblem[] {
  const { group, kind } = pool.spec.template.spec.nodeClassRef;
  const path = 'spec.template.spec.nodeClassRef';
  const groups = [karpenterAwsGroup, stowageGroup];
  return [
    ...(kind === 'EC2NodeClass'
      ? []
      : [{ field: `${path}.kind`, message: `expected EC2NodeClass, found "${kind}"` }]),
    ...(groups.includes(group)
      ? []
      : [{ field: `${path}.group`, message: `expected ${groups.join(' or ')}, found "${group}"` }]),
  ];
}

function groupOf(nodeClass: EC2NodeClass): string {
  return nodeClass.apiVersion.slice(0, nodeClass.apiVersion.indexOf('/'));
}

function classKey(group: string, name: string | undefined): string {
  return `${group}/${name}`;
}

function createdMsOf(metadata: ObjectMeta): number {
  return metadata.creationTimestamp === undefined ? 0 : Date.parse(metadata.creationTimestamp);
}
