/**
 * Which kinds are read, and what becomes of them.
 *
 * In: any object that the input holds. Out: validated, reduced objects handed to a
 * {@link SnapshotBuilder}; problems for what is malformed; a count for kinds that do not matter to
 * placement. A kind that matters under an API version that is not read is a problem, because
 * passing over it would change the plan.
 */
import type { Static, TSchema } from 'typebox';
import { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { nodeClassProblems } from '../../core/api/ec2nodeclass-rules.ts';
import type { FieldProblem } from '../../core/api/field-problem.ts';
import {
  DaemonSet,
  Namespace,
  Node,
  type ObjectMeta,
  Pod,
  PriorityClass,
  RuntimeClass,
} from '../../core/api/kubernetes.ts';
import { NodeOverlay } from '../../core/api/nodeoverlay.ts';
import { nodeOverlayProblems } from '../../core/api/nodeoverlay-rules.ts';
import { NodePool } from '../../core/api/nodepool.ts';
import { nodePoolProblems } from '../../core/api/nodepool-rules.ts';
import {
  CronJob,
  Deployment,
  Job,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '../../core/api/workloads.ts';
import { projection } from '../../core/state/projection.ts';
import type { Workload, WorkloadKind } from './expansion.ts';
import { hasEnded, jobCounts } from './job-counts.ts';
import { isMapping } from './list-assembly.ts';
import { type InputProblems, locationOf, type Place } from './problems.ts';
import { findingOf, SchemaCheck } from './schema-check.ts';
import { nodeClassRefProblems, type SnapshotBuilder } from './snapshot-builder.ts';

/** An object of a kind that is read, named and valid, and where it belongs. */
interface Admitted<T> {
  readonly value: T;
  readonly metadata: ObjectMeta;
  readonly name: string;
  readonly namespace: string;
  /** `Kind namespace/name`. */
  readonly object: string;
  readonly place: Place;
}

interface KindReader {
  readonly apiVersions: readonly string[];
  /** Groups under which the kind was served once; versions there are as wrong as in its own. */
  readonly formerGroups: readonly string[];
  readonly namespaced: boolean;
  /** Validates the object and hands it on. */
  read(value: Record<string, unknown>, place: Place): void;
}

/** Kinds that the current API has replaced: passing over them would plan for other nodes. */
const replacedKinds: ReadonlyMap<string, string> = new Map([
  ['Provisioner', 'NodePool of karpenter.sh/v1'],
  ['AWSNodeTemplate', 'EC2NodeClass of karpenter.k8s.aws/v1'],
  ['Machine', 'NodeClaim of karpenter.sh/v1'],
]);

export class ObjectReader {
  /** Kinds that were passed over, and how many objects of each. */
  readonly ignoredKinds = new Map<string, number>();
  readonly #problems: InputProblems;
  readonly #builder: SnapshotBuilder;
  readonly #kinds = new Map<string, KindReader>();
  #generatedNames = 0;

  constructor(builder: SnapshotBuilder, problems: InputProblems) {
    this.#builder = builder;
    this.#problems = problems;
    this.#registerCore();
    this.#registerWorkloads();
    this.#registerNodePools();
  }

  /** Takes one object that is not a List. */
  visit(value: unknown, place: Place): void {
    if (!isMapping(value)) {
      this.#problems.add(
        locationOf(place, 'object'),
        `expected a mapping with apiVersion and kind, found ${findingOf(value)}`,
      );
      return;
    }
    const { apiVersion, kind } = value;
    if (typeof kind !== 'string' || kind === '') {
      this.#problems.add(
        locationOf(place, 'object', 'kind'),
        `expected the kind of the object, found ${findingOf(kind)}`,
      );
      return;
    }
    if (typeof apiVersion !== 'string' || apiVersion === '') {
      this.#problems.add(
        locationOf(place, labelOf(value, kind, true), 'apiVersion'),
        `expected the API version of the object, found ${findingOf(apiVersion)}`,
      );
      return;
    }
    const reader = this.#kinds.get(kind);
    if (reader?.apiVersions.includes(apiVersion) === true) {
      reader.read(value, place);
      return;
    }
    this.#passOver(value, kind, apiVersion, reader, place);
  }

  #passOver(
    value: Record<string, unknown>,
    kind: string,
    apiVersion: string,
    reader: KindReader | undefined,
    place: Place,
  ): void {
    const group = groupOf(apiVersion);
    const ours = reader !== undefined && reader.apiVersions.some((one) => groupOf(one) === group);
    if (ours || reader?.formerGroups.includes(group) === true) {
      this.#problems.add(
        locationOf(place, labelOf(value, kind, reader.namespaced), 'apiVersion'),
        `expected ${reader.apiVersions.join(' or ')}, found "${apiVersion}"`,
      );
      return;
    }
    const replacement = replacedKinds.get(kind);
    if (replacement !== undefined && /(^|\.)karpenter\./.test(group)) {
      this.#problems.add(
        locationOf(place, labelOf(value, kind, false), 'kind'),
        `expected ${replacement}, which has replaced it, found "${kind}"`,
      );
      return;
    }
    // A kind of the same name as one that is read, but of another API, is named in full.
    const name = reader === undefined ? kind : `${kind}.${group}`;
    this.ignoredKinds.set(name, (this.ignoredKinds.get(name) ?? 0) + 1);
  }

  /** Adds a kind: its schema, the rules beyond it, and what is done with a valid object. */
  #register<Schema extends TSchema>(
    kind: string,
    apiVersions: readonly string[],
    schema: Schema,
    options: {
      readonly namespaced?: boolean;
      readonly formerGroups?: readonly string[];
      /** False if `add` reduces the object itself. */
      readonly project?: boolean;
      readonly rules?: (value: Static<Schema>) => readonly FieldProblem[];
    },
    add: (admitted: Admitted<Static<Schema>>) => void,
  ): void {
    const check = new SchemaCheck(schema);
    const project = options.project === false ? undefined : projection(schema);
    const namespaced = options.namespaced ?? true;
    const read = (value: Record<string, unknown>, place: Place): void => {
      const checked = check.check(value);
      if ('problems' in checked) {
        this.#problems.addAll(place, labelOf(value, kind, namespaced), checked.problems);
        return;
      }
      const { metadata } = checked.value as { readonly metadata: ObjectMeta };
      const name = this.#nameOf(metadata);
      const object = labelOf({ metadata: { ...metadata, name } }, kind, namespaced);
      if (name === undefined) {
        const message = 'expected the name of the object, found nothing';
        this.#problems.add(locationOf(place, object, 'metadata.name'), message);
        return;
      }
      const problems = options.rules?.(checked.value) ?? [];
      if (problems.length > 0) {
        this.#problems.addAll(place, object, problems);
        return;
      }
      const namespace = metadata.namespace ?? 'default';
      const reduced = project === undefined ? checked.value : project(checked.value);
      add({ value: reduced, metadata, name, namespace, object, place });
    };
    const formerGroups = options.formerGroups ?? [];
    this.#kinds.set(kind, { apiVersions, formerGroups, namespaced, read });
  }

  /** The name, or one like those that the API server makes from generateName. */
  #nameOf(metadata: ObjectMeta): string | undefined {
    if (metadata.name !== undefined || metadata.generateName === undefined) {
      return metadata.name;
    }
    this.#generatedNames += 1;
    return `${metadata.generateName}${String(this.#generatedNames).padStart(5, '0')}`;
  }

  #registerCore(): void {
    const builder = this.#builder;
    this.#register('Pod', ['v1'], Pod, { project: false }, ({ name, value, place }) => {
      builder.addPod(name, value, place);
    });
    const cluster = { namespaced: false };
    this.#register('Node', ['v1'], Node, cluster, ({ value, name, object, place }) => {
      if (builder.claim(object, place)) {
        builder.addNode({ ...value, metadata: { ...value.metadata, name } });
      }
    });
    this.#register('Namespace', ['v1'], Namespace, cluster, ({ value, name, object, place }) => {
      if (builder.claim(object, place)) {
        builder.addNamespace(name, value);
      }
    });
    this.#register(
      'PriorityClass',
      ['scheduling.k8s.io/v1'],
      PriorityClass,
      cluster,
      ({ value, name, object, place }) => {
        if (builder.claim(object, place)) {
          builder.admission.addPriorityClass(name, value);
        }
      },
    );
    this.#register(
      'RuntimeClass',
      ['node.k8s.io/v1'],
      RuntimeClass,
      cluster,
      ({ value, name, object, place }) => {
        if (builder.claim(object, place)) {
          builder.admission.addRuntimeClass(name, value);
        }
      },
    );
    this.#register(
      'DaemonSet',
      ['apps/v1'],
      DaemonSet,
      { formerGroups: ['extensions'] },
      ({ value, name, namespace, object, place }) => {
        if (builder.claim(object, place)) {
          const metadata = { ...value.metadata, name, namespace };
          builder.addDaemonSet({ ...value, metadata }, object, place);
        }
      },
    );
  }

  #registerWorkloads(): void {
    const formerGroups = ['extensions'];
    const template = 'spec.template';
    const addReplicated = (kind: WorkloadKind) => (admitted: Admitted<Deployment | ReplicaSet>) => {
      const { spec } = admitted.value;
      const workload = workloadOf(kind, admitted, { replicas: spec.replicas ?? 1 });
      this.#builder.addWorkload(workload, spec.template, template, admitted.metadata);
    };
    this.#register(
      'Deployment',
      ['apps/v1'],
      Deployment,
      { formerGroups },
      addReplicated('Deployment'),
    );
    this.#register(
      'ReplicaSet',
      ['apps/v1'],
      ReplicaSet,
      { formerGroups },
      addReplicated('ReplicaSet'),
    );
    this.#register('ReplicationController', ['v1'], ReplicationController, {}, (admitted) => {
      const { spec } = admitted.value;
      const kind = 'ReplicationController';
      const workload = workloadOf(kind, admitted, { replicas: spec.replicas ?? 1 });
      this.#builder.addWorkload(workload, spec.template, template, admitted.metadata);
    });
    this.#register('StatefulSet', ['apps/v1'], StatefulSet, {}, (admitted) => {
      const { spec } = admitted.value;
      const workload = workloadOf('StatefulSet', admitted, {
        replicas: spec.replicas ?? 1,
        firstOrdinal: spec.ordinals?.start ?? 0,
      });
      const claims = (spec.volumeClaimTemplates ?? []).map((one) => one.metadata.name);
      this.#builder.addWorkload(workload, spec.template, template, admitted.metadata, claims);
    });
    this.#register('Job', ['batch/v1'], Job, {}, (admitted) => {
      const { spec, status } = admitted.value;
      const counts = jobCounts(spec, hasEnded(status));
      const workload = workloadOf('Job', admitted, {
        ...counts,
        succeeded: status?.succeeded ?? 0,
      });
      this.#builder.addWorkload(workload, spec.template, template, admitted.metadata);
    });
    this.#register('CronJob', ['batch/v1'], CronJob, {}, (admitted) => {
      const { spec } = admitted.value;
      const job = spec.jobTemplate.spec;
      const workload = workloadOf('CronJob', admitted, jobCounts(job, spec.suspend === true));
      const path = `spec.jobTemplate.${template}`;
      this.#builder.addWorkload(workload, job.template, path, admitted.metadata);
    });
  }

  #registerNodePools(): void {
    const builder = this.#builder;
    this.#register(
      'NodePool',
      ['karpenter.sh/v1'],
      NodePool,
      {
        namespaced: false,
        rules: (pool) => [...nodePoolProblems(pool), ...nodeClassRefProblems(pool)],
      },
      ({ value, name, object, place }) => {
        if (builder.claim(object, place)) {
          builder.addNodePool({ ...value, metadata: { ...value.metadata, name } }, place);
        }
      },
    );
    this.#register(
      'NodeOverlay',
      ['karpenter.sh/v1alpha1'],
      NodeOverlay,
      { namespaced: false, rules: nodeOverlayProblems },
      ({ value, name, object, place }) => {
        if (builder.claim(object, place)) {
          builder.nodeOverlays.push({ ...value, metadata: { ...value.metadata, name } });
        }
      },
    );
    this.#register(
      'EC2NodeClass',
      ['karpenter.k8s.aws/v1', 'stowage.dev/v1'],
      EC2NodeClass,
      { namespaced: false, rules: nodeClassProblems },
      ({ value, name, object, place }) => {
        // The same name may stand in both groups: they are two objects.
        if (builder.claim(`${object} (${groupOf(value.apiVersion)})`, place)) {
          builder.addNodeClass({ ...value, metadata: { ...value.metadata, name } });
        }
      },
    );
  }
}

function workloadOf(
  kind: WorkloadKind,
  admitted: Admitted<unknown>,
  counts: Partial<Workload>,
): Workload {
  const { metadata, namespace, name, place } = admitted;
  const owner = metadata.ownerReferences?.find((one) => one.controller === true);
  const workload = {
    kind,
    namespace,
    name,
    place,
    replicas: 1,
    firstOrdinal: 0,
    completions: undefined,
    succeeded: 0,
    owner: owner === undefined ? undefined : { kind: owner.kind, name: owner.name },
    ...counts,
  };
  // The controllers of an object that is being deleted start no pods any more.
  return metadata.deletionTimestamp === undefined ? workload : { ...workload, replicas: 0 };
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** `Kind namespace/name`, as far as the object says. */
function labelOf(value: Record<string, unknown>, kind: string, namespaced: boolean): string {
  const metadata = isMapping(value.metadata) ? value.metadata : {};
  const { name, generateName, namespace } = metadata;
  const known = name ?? generateName;
  if (typeof known !== 'string') {
    return kind;
  }
  const prefix = namespaced ? `${typeof namespace === 'string' ? namespace : 'default'}/` : '';
  return `${kind} ${prefix}${known}`;
}
