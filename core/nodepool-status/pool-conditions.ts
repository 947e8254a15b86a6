/**
 * The conditions of a NodePool.
 *
 * In: the pool, its node class. Out: whether the pool is valid, its node class usable, and what that
 * sums up to, in Karpenter's words (`ValidationSucceeded`, `NodeClassReady`, `Ready`). A pool is
 * provisioned for while it is `Ready`. It does not judge the node class: whoever keeps it does.
 */
import { type ConditionUpdate, conditionOf } from '../api/conditions.ts';
import type { EC2NodeClass } from '../api/ec2nodeclass.ts';
import type { NodePool } from '../api/nodepool.ts';
import { nodePoolProblems } from '../api/nodepool-rules.ts';

/** Problems told in one message. */
const problemsMax = 5;

/** All three conditions as they should be. */
export function poolConditions(
  pool: NodePool,
  nodeClass: EC2NodeClass | undefined,
): readonly ConditionUpdate[] {
  const parts = [validation(pool), nodeClassReady(nodeClass)];
  return [...parts, readiness(parts)];
}

function validation(pool: NodePool): ConditionUpdate {
  const type = 'ValidationSucceeded';
  const problems = nodePoolProblems(pool);
  if (problems.length === 0) return { type, status: 'True' };
  const told = problems.slice(0, problemsMax).map(({ field, message }) => `${field}: ${message}`);
  const more = problems.length - told.length;
  if (more > 0) told.push(`and ${more} more`);
  return {
    type,
    status: 'False',
    reason: 'NodePoolValidationFailed',
    message: told.join('; '),
  };
}

function nodeClassReady(nodeClass: EC2NodeClass | undefined): ConditionUpdate {
  const type = 'NodeClassReady';
  if (nodeClass === undefined) {
    return {
      type,
      status: 'False',
      reason: 'NodeClassNotFound',
      message: 'NodeClass not found on cluster',
    };
  }
  if (nodeClass.metadata.deletionTimestamp !== undefined) {
    return {
      type,
      status: 'False',
      reason: 'NodeClassTerminating',
      message: 'NodeClass is Terminating',
    };
  }
  const ready = conditionOf(nodeClass, 'Ready');
  if (ready?.status === 'True') return { type, status: 'True' };
  if (ready?.status === 'False') {
    const message = ready.message || 'NodeClass is not ready';
    return { type, status: 'False', reason: 'NodeClassNotReady', message };
  }
  return {
    type,
    status: 'Unknown',
    reason: 'NodeClassReadinessUnknown',
    message: 'Node Class Readiness Unknown',
  };
}

function readiness(parts: readonly ConditionUpdate[]): ConditionUpdate {
  const open = parts.filter(({ status }) => status !== 'True');
  if (open.length === 0) return { type: 'Ready', status: 'True' };
  const isFailed = open.some(({ status }) => status === 'False');
  return {
    type: 'Ready',
    status: isFailed ? 'False' : 'Unknown',
    reason: isFailed ? 'UnhealthyDependents' : 'ReconcilingDependents',
    message: open.map(({ type, status }) => `${type}=${status}`).join(', '),
  };
}
