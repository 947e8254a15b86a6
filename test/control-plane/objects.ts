// The parts of Pods and Nodes that the harness looks at, as they are on the wire.
//
// Types only, and only what is read here: a complete model of the API would be
// the product's, and the checks of the harness must not depend on that.

/** What every object carries. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly ownerReferences?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly controller?: boolean;
  }[];
}

/** Quantities by resource name, as strings: "1500m", "2Gi". */
export type Quantities = Readonly<Record<string, string>>;

export interface Resources {
  readonly requests?: Quantities;
  readonly limits?: Quantities;
}

export interface Container {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: Resources;
}

export interface ContainerStatus {
  readonly name: string;
  readonly resources?: Resources;
  readonly allocatedResources?: Quantities;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface Pod {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly nodeName?: string;
    readonly schedulerName?: string;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly overhead?: Quantities;
    readonly resources?: Resources;
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly resources?: Resources;
    readonly allocatedResources?: Quantities;
  };
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

export interface Node {
  readonly metadata: ObjectMeta;
  readonly spec?: {
    readonly providerID?: string;
    readonly taints?: readonly Taint[];
    readonly unschedulable?: boolean;
  };
  readonly status?: {
    readonly allocatable?: Quantities;
    readonly capacity?: Quantities;
    readonly conditions?: readonly Condition[];
  };
}

/** Anything that has conditions. */
export interface HasConditions {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** True when the condition of that type has status "True". */
export function hasCondition(object: HasConditions, type: string): boolean {
  const conditions: readonly Condition[] = object.status?.conditions ?? [];
  return conditions.some((condition) => condition.type === type && condition.status === 'True');
}

/** `namespace/name`, or `name` alone for what has no namespace. */
export function keyOf(metadata: ObjectMeta): string {
  return metadata.namespace === undefined
    ? metadata.name
    : `${metadata.namespace}/${metadata.name}`;
}
