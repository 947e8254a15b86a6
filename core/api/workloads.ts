/**
 * Kinds that controllers turn into pods, and the lists that `kubectl get -o json` prints.
 *
 * In: nothing. Out: TypeBox schemas and their static types, as far as the number and the shape of
 * the pods depend on them. Unknown fields are tolerated. DaemonSets are in `kubernetes.ts`: they
 * are not expanded, since how many pods they have depends on the nodes.
 */
import { type Static, Type } from 'typebox';
import { Condition, LabelSelector, ObjectMeta, PodTemplateSpec } from './kubernetes.ts';
import { Annotations, Labels, NonNegativeInt32, ObjectName } from './scalars.ts';

export const Deployment = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({
    replicas: Type.Optional(NonNegativeInt32),
    selector: Type.Optional(LabelSelector),
    template: PodTemplateSpec,
  }),
});
export type Deployment = Static<typeof Deployment>;

export const ReplicaSet = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({
    replicas: Type.Optional(NonNegativeInt32),
    selector: Type.Optional(LabelSelector),
    template: PodTemplateSpec,
  }),
});
export type ReplicaSet = Static<typeof ReplicaSet>;

export const ReplicationController = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({
    replicas: Type.Optional(NonNegativeInt32),
    selector: Type.Optional(Labels),
    template: PodTemplateSpec,
  }),
});
export type ReplicationController = Static<typeof ReplicationController>;

/** Each pod gets one claim per template, named `<template>-<pod>`. */
export const VolumeClaimTemplate = Type.Object({ metadata: Type.Object({ name: ObjectName }) });
export type VolumeClaimTemplate = Static<typeof VolumeClaimTemplate>;

export const StatefulSet = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({
    replicas: Type.Optional(NonNegativeInt32),
    ordinals: Type.Optional(Type.Object({ start: Type.Optional(NonNegativeInt32) })),
    selector: Type.Optional(LabelSelector),
    template: PodTemplateSpec,
    volumeClaimTemplates: Type.Optional(Type.Array(VolumeClaimTemplate)),
  }),
});
export type StatefulSet = Static<typeof StatefulSet>;

export const JobSpec = Type.Object({
  parallelism: Type.Optional(NonNegativeInt32),
  completions: Type.Optional(NonNegativeInt32),
  suspend: Type.Optional(Type.Boolean()),
  activeDeadlineSeconds: Type.Optional(NonNegativeInt32),
  template: PodTemplateSpec,
});
export type JobSpec = Static<typeof JobSpec>;

export const Job = Type.Object({
  metadata: ObjectMeta,
  spec: JobSpec,
  status: Type.Optional(
    Type.Object({
      succeeded: Type.Optional(NonNegativeInt32),
      conditions: Type.Optional(Type.Array(Condition)),
    }),
  ),
});
export type Job = Static<typeof Job>;

export const CronJob = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Object({
    schedule: Type.String({ minLength: 1 }),
    suspend: Type.Optional(Type.Boolean()),
    jobTemplate: Type.Object({
      metadata: Type.Optional(
        Type.Object({ labels: Type.Optional(Labels), annotations: Type.Optional(Annotations) }),
      ),
      spec: JobSpec,
    }),
  }),
});
export type CronJob = Static<typeof CronJob>;

/** `List`, `PodList`, ...: items are validated one by one, each by its own kind. */
export const List = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String({ pattern: 'List$' }),
  items: Type.Array(Type.Unknown()),
});
export type List = Static<typeof List>;
