/**
 * The status of an EC2NodeClass, from what its selectors found.
 *
 * In: findings, each a value or the error of a cloud that could not be asked. Out: fields of the
 * status and its conditions, with Karpenter's types and reasons, and messages that say what to do.
 * Where the cloud did not answer, what was known stays; where it refused to answer, the condition says
 * so. It asks nobody.
 */
import { type ConditionUpdate, conditionOf } from '../api/conditions.ts';
import type { EC2NodeClass, EC2NodeClassStatus } from '../api/ec2nodeclass.ts';
import { nodeClassProblems } from '../api/ec2nodeclass-rules.ts';
import type { CloudError } from '../cloud-port.ts';
import { InputError } from '../errors.ts';
import { kubeletSettings } from '../scheduling/kubelet-settings.ts';
import type { FoundImages } from './images.ts';
import type { PlacementGroup, SecurityGroup, ValidationProblem } from './node-class-port.ts';
import type { Subnet } from './subnet-ledger.ts';

/** What was found, or why nobody knows. */
export type Finding<T> = { readonly value: T } | { readonly error: CloudError };

export interface NodeClassFindings {
  readonly subnets: Finding<readonly Subnet[]>;
  readonly securityGroups: Finding<readonly SecurityGroup[]>;
  readonly images: Finding<FoundImages>;
  readonly instanceProfile: Finding<string>;
  /** Undefined where the class selects none. */
  readonly reservations:
    | Finding<NonNullable<EC2NodeClassStatus['capacityReservations']>>
    | undefined;
  /** Undefined where the class selects none; a finding of undefined where there is none. */
  readonly placementGroup: Finding<PlacementGroup | undefined> | undefined;
}

export type StatusFields = Omit<EC2NodeClassStatus, 'conditions'>;

export interface FoundStatus {
  readonly fields: StatusFields;
  /** All but ValidationSucceeded and Ready. */
  readonly conditions: readonly ConditionUpdate[];
  /** Whether a launch could be tried. */
  readonly isComplete: boolean;
}

/** Pure. */
export function foundStatus(nodeClass: EC2NodeClass, findings: NodeClassFindings): FoundStatus {
  const { subnets, securityGroups, images, instanceProfile, reservations } = findings;
  const { placementGroup } = findings;
  const conditions = [
    condition(nodeClass, 'SubnetsReady', subnets, (found) =>
      found.length > 0
        ? undefined
        : {
            reason: 'SubnetsNotFound',
            message:
              'SubnetSelector did not match any Subnets: check spec.subnetSelectorTerms, or tag the subnets',
          },
    ),
    condition(nodeClass, 'SecurityGroupsReady', securityGroups, (found) =>
      found.length > 0
        ? undefined
        : {
            reason: 'SecurityGroupsNotFound',
            message:
              'SecurityGroupSelector did not match any SecurityGroups: check spec.securityGroupSelectorTerms, or tag the groups',
          },
    ),
    condition(nodeClass, 'AMIsReady', images, (found) => found.problem),
    condition(nodeClass, 'InstanceProfileReady', instanceProfile, () => undefined),
    ...(reservations === undefined
      ? []
      : [condition(nodeClass, 'CapacityReservationsReady', reservations, () => undefined)]),
    ...(placementGroup === undefined
      ? []
      : [
          condition(nodeClass, 'PlacementGroupReady', placementGroup, (found) =>
            found !== undefined
              ? undefined
              : {
                  reason: 'PlacementGroupNotFound',
                  message:
                    'PlacementGroupSelector did not match any available PlacementGroup: check spec.placementGroupSelector, or create the group',
                },
          ),
        ]),
  ];
  return {
    fields: {
      ...field('subnets', subnets, (found) =>
        found.map(({ id, zone, zoneId }) => ({ id, zone, zoneID: zoneId })),
      ),
      ...field('securityGroups', securityGroups, (found) => [...found]),
      ...field('amis', images, (found) => [...found.images]),
      ...field('instanceProfile', instanceProfile, (found) => found),
      ...(reservations === undefined
        ? {}
        : field('capacityReservations', reservations, (found) => [...found])),
    },
    conditions,
    isComplete: conditions.every(({ status }) => status === 'True'),
  };
}

/** What of the class itself is wrong, for people; undefined if nothing is. */
export function settingsProblem(nodeClass: EC2NodeClass): ValidationProblem | undefined {
  const [problem] = nodeClassProblems(nodeClass);
  if (problem !== undefined) {
    return { reason: 'InvalidConfiguration', message: `${problem.field}: ${problem.message}` };
  }
  try {
    kubeletSettings(nodeClass);
    return undefined;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { reason: 'InvalidKubeletConfiguration', message: `spec.kubelet: ${error.message}` };
  }
}

/** The condition ValidationSucceeded. */
export function validationCondition(
  nodeClass: EC2NodeClass,
  isComplete: boolean,
  settings: ValidationProblem | undefined,
  tried: Finding<ValidationProblem | undefined> | undefined,
): ConditionUpdate {
  const type = 'ValidationSucceeded';
  if (settings !== undefined) return { type, status: 'False', ...settings };
  if (!isComplete || tried === undefined) {
    return {
      type,
      status: 'False',
      reason: 'DependenciesNotReady',
      message: 'awaiting subnets, security groups, images and instance profile',
    };
  }
  return condition(nodeClass, type, tried, (problem) => problem);
}

/**
 * Whether the class's nodes are warned of, by what is wrong with the sources of interruptions ('' for
 * nothing, undefined while nobody knows). No part of Ready: without them nodes can be launched.
 */
export function interruptionCondition(problem: string | undefined): readonly ConditionUpdate[] {
  const type = 'InterruptionSourcesReady';
  if (problem === undefined) return [];
  const reason = 'InterruptionSourceUnavailable';
  return [
    problem === '' ? { type, status: 'True' } : { type, status: 'False', reason, message: problem },
  ];
}

/** The condition Ready: False as soon as one is. */
export function readyCondition(conditions: readonly ConditionUpdate[]): ConditionUpdate {
  const bad = conditions.filter(({ status }) => status !== 'True');
  if (bad.length === 0) return { type: 'Ready', status: 'True' };
  // What follows from another one says nothing new.
  const causes = bad.filter(({ reason }) => reason !== 'DependenciesNotReady');
  const told = causes.length > 0 ? causes : bad;
  return {
    type: 'Ready',
    status: bad.some(({ status }) => status === 'False') ? 'False' : 'Unknown',
    reason: 'UnhealthyDependents',
    message: told
      .map(({ type, status, message = '' }) => `${type}=${status}: ${message}`)
      .join('; '),
  };
}

function condition<T>(
  nodeClass: EC2NodeClass,
  type: string,
  finding: Finding<T>,
  problemOf: (value: T) => ValidationProblem | undefined,
): ConditionUpdate {
  if ('value' in finding) {
    const problem = problemOf(finding.value);
    return problem === undefined ? { type, status: 'True' } : { type, status: 'False', ...problem };
  }
  const { code, message } = finding.error;
  if (code === 'unauthorized') {
    return {
      type,
      status: 'False',
      reason: 'Unauthorized',
      message: `${message}; check the controller's credentials and its IAM policy`,
    };
  }
  const before = conditionOf(nodeClass, type);
  if (before !== undefined && before.observedGeneration === nodeClass.metadata.generation) {
    const { status, reason, message: said } = before;
    return {
      type,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(said === undefined ? {} : { message: said }),
    };
  }
  return { type, status: 'Unknown', reason: 'CloudUnavailable', message };
}

function field<K extends keyof StatusFields, T>(
  name: K,
  finding: Finding<T>,
  valueOf: (value: T) => StatusFields[K],
): StatusFields {
  return 'value' in finding ? { [name]: valueOf(finding.value) } : {};
}
