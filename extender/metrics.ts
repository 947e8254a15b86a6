/**
 * Every metric that the service exposes.
 *
 * In: nothing. Out: a registry and the metrics in it, for those who count. What Karpenter measures
 * too carries Karpenter's name and labels (`karpenter_...`), so that dashboards and alerts work
 * unchanged; what only we have is `stowage_...`. No label takes values without bound: pools, zones,
 * resources, reasons from fixed lists; never a pod, a node or a user's text. docs/METRICS.md lists
 * them all; a test compares.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { cloudMetrics } from './cloud-metrics.ts';
import { type MetricMaker, metricMaker } from './metric-maker.ts';
import { createVerbMetrics, verbMetrics } from './verb-metrics.ts';

/** Solving, calls of the cloud and of the API server. */
const workSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];
/** From a pod's creation to its place, from a node's launch to its readiness. */
const waitSeconds = [0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800];
/** Lives of nodes, and drains. */
const lifeSeconds = [60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800, 2592000];
/** Distance of a plan from its bound, as a share of the plan's cost. */
const gapRatios = [0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const podCounts = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
/** All metrics, by room; each registry is independent of every other. */
export type Metrics = ReturnType<typeof createMetrics>;

export interface MetricsOptions {
  /** Those of the process itself; default true. */
  readonly process?: boolean;
  /** False where another thread answers the verbs and counts them itself; default true. */
  readonly verbs?: boolean;
}

/** A fresh set. `version` is the program's own. */
export function createMetrics(version: string, options: MetricsOptions = {}) {
  const registry = new Registry();
  if (options.process ?? true) {
    collectDefaultMetrics({ register: registry });
  }
  const make = metricMaker(registry);
  make
    .gauge('stowage_build_info', 'Constant 1, labelled with what runs', ['version', 'node_version'])
    .set({ version, node_version: process.version }, 1);
  return {
    registry,
    extender: (options.verbs ?? true) ? verbMetrics(make) : createVerbMetrics().extender,
    reservations: reservationMetrics(make),
    solver: solverMetrics(make),
    cluster: clusterMetrics(make),
    scheduler: schedulerMetrics(make),
    pods: podMetrics(make),
    nodeClaims: nodeClaimMetrics(make),
    nodes: nodeMetrics(make),
    nodePools: nodePoolMetrics(make),
    cloud: cloudMetrics(make),
    disruption: disruptionMetrics(make),
    interruption: interruptionMetrics(make),
  };
}

function reservationMetrics(make: MetricMaker) {
  return {
    nodes: make.gauge('stowage_reserved_nodes', 'Nodes held for pods', ['fence']),
    heldSeconds: make.histogram(
      'stowage_reservation_duration_seconds',
      'Time from registration of a node until it is open to all',
      ['fence'],
      waitSeconds,
    ),
    prebinds: make.counter(
      'stowage_prebinds_total',
      'Pods bound to the nodes launched for them, or not',
      ['outcome'],
    ),
    prebindConflicts: make.counter(
      'stowage_prebind_conflicts_total',
      'Planned pods that were found bound to another node',
      [],
    ),
    expired: make.counter(
      'stowage_reservations_expired_total',
      'Reservations that ended before all their pods had come',
      [],
    ),
  };
}

function solverMetrics(make: MetricMaker) {
  return {
    seconds: make.histogram(
      'stowage_solver_duration_seconds',
      'Time to solve one batch',
      ['path'],
      workSeconds,
    ),
    gapRatio: make.histogram(
      'stowage_solver_gap_ratio',
      'Proven distance of plans from the optimum, as a share of their cost',
      [],
      gapRatios,
    ),
    plans: make.counter('stowage_solver_plans_total', 'Plans, by what became of them', ['result']),
    unprovenPlans: make.counter(
      'stowage_solver_unproven_plans_total',
      'Plans whose certificate did not pass the check',
      [],
    ),
    batchPods: make.histogram(
      'stowage_batch_pods',
      'Pods that were planned together',
      [],
      podCounts,
    ),
    batchWindowSeconds: make.histogram(
      'stowage_batch_window_seconds',
      'Time from the first pod of a batch to the start of planning',
      [],
      workSeconds,
    ),
    launchCallSeconds: make.histogram(
      'stowage_launch_call_delay_seconds',
      'Time from the end of the batch window to the launch call',
      [],
      workSeconds,
    ),
  };
}

function clusterMetrics(make: MetricMaker) {
  return {
    isLeader: make.gauge('leader_election_master_status', '1 while this replica leads', ['name']),
    nodeCount: make.gauge('karpenter_cluster_state_node_count', 'Nodes in the cluster state', []),
    synced: make.gauge('karpenter_cluster_state_synced', '1 while the cluster state is whole', []),
    unsyncedSeconds: make.gauge(
      'karpenter_cluster_state_unsynced_time_seconds',
      'For how long the cluster state has not been whole',
      [],
    ),
    watchEvents: make.counter('stowage_watch_events_total', 'Events that watches told of', [
      'kind',
    ]),
    relists: make.counter(
      'stowage_watch_relists_total',
      'Lists read again because a watch could not go on',
      ['kind'],
    ),
    costUsdPerHour: make.gauge(
      'stowage_cluster_cost_usd_per_hour',
      'What the nodes cost, what is proven to be the least, and what first-fit would cost',
      ['of'],
    ),
    droppedRecords: make.counter(
      'stowage_dropped_records_total',
      'Decision records and Events that there was no room for',
      ['kind'],
    ),
  };
}

function schedulerMetrics(make: MetricMaker) {
  const controller = ['controller'] as const;
  return {
    queueDepth: make.gauge(
      'karpenter_scheduler_queue_depth',
      'Pods that wait for a plan',
      controller,
    ),
    schedulingSeconds: make.histogram(
      'karpenter_scheduler_scheduling_duration_seconds',
      'Time to plan, from snapshot to decision',
      controller,
      workSeconds,
    ),
    unschedulablePods: make.gauge(
      'karpenter_scheduler_unschedulable_pods_count',
      'Pods that no node could hold',
      controller,
    ),
    ignoredPods: make.gauge(
      'karpenter_scheduler_ignored_pods_count',
      'Pending pods that are not provisioned for',
      [],
    ),
  };
}

function podMetrics(make: MetricMaker) {
  return {
    startupSeconds: make.summary(
      'karpenter_pods_startup_duration_seconds',
      'Time from creation of a pod until it runs',
      [],
    ),
    boundSeconds: make.histogram(
      'karpenter_pods_bound_duration_seconds',
      'Time from creation of a pod until it is bound',
      [],
      waitSeconds,
    ),
    decisionSeconds: make.histogram(
      'karpenter_pods_scheduling_decision_duration_seconds',
      'Time from first sight of a pod to the first decision about it',
      [],
      workSeconds,
    ),
    evictionRequests: make.counter(
      'karpenter_pods_eviction_requests_total',
      'Evictions asked for, by the status of the answer',
      ['code'],
    ),
    drained: make.counter('karpenter_pods_drained_total', 'Pods that left a draining node', [
      'reason',
    ]),
  };
}

function nodeClaimMetrics(make: MetricMaker) {
  return {
    created: make.counter('karpenter_nodeclaims_created_total', 'NodeClaims created', [
      'reason',
      'nodepool',
      'min_values_relaxed',
    ]),
    terminated: make.counter('karpenter_nodeclaims_terminated_total', 'NodeClaims gone', [
      'nodepool',
      'capacity_type',
      'zone',
    ]),
    disrupted: make.counter('karpenter_nodeclaims_disrupted_total', 'NodeClaims ended on purpose', [
      'reason',
      'nodepool',
      'capacity_type',
      'consolidation_policy',
      'termination_mode',
    ]),
    terminationSeconds: make.histogram(
      'karpenter_nodeclaims_termination_duration_seconds',
      'Time from the deletion of a NodeClaim until it is gone',
      ['nodepool'],
      waitSeconds,
    ),
    instanceTerminationSeconds: make.histogram(
      'karpenter_nodeclaims_instance_termination_duration_seconds',
      'Time that the cloud took to end an instance',
      ['nodepool'],
      waitSeconds,
    ),
    stepSeconds: make.histogram(
      'stowage_nodeclaim_step_duration_seconds',
      'Time from the creation of a NodeClaim to each of its conditions',
      ['nodepool', 'condition'],
      waitSeconds,
    ),
    conditionCount: make.gauge(
      'operator_nodeclaim_status_condition_count',
      'NodeClaims by condition',
      ['type', 'status', 'reason'],
    ),
  };
}

function nodeMetrics(make: MetricMaker) {
  return {
    created: make.counter('karpenter_nodes_created_total', 'Nodes that registered', [
      'nodepool',
      'zone',
    ]),
    terminated: make.counter('karpenter_nodes_terminated_total', 'Nodes gone', [
      'nodepool',
      'zone',
    ]),
    drained: make.counter('karpenter_nodes_drained_total', 'Nodes drained', ['nodepool']),
    terminationSeconds: make.summary(
      'karpenter_nodes_termination_duration_seconds',
      'Time from the deletion of a Node until it is gone',
      ['nodepool'],
    ),
    lifetimeSeconds: make.histogram(
      'karpenter_nodes_lifetime_duration_seconds',
      'How old nodes became',
      ['nodepool'],
      lifeSeconds,
    ),
  };
}

function nodePoolMetrics(make: MetricMaker) {
  const perResource = ['resource_type', 'nodepool'] as const;
  return {
    limit: make.gauge('karpenter_nodepools_limit', 'Limits of pools', perResource),
    usage: make.gauge('karpenter_nodepools_usage', 'Capacity that pools have', perResource),
    costUsdPerHour: make.gauge(
      'karpenter_nodepools_cost_total',
      'What the nodes of a pool cost, USD per hour',
      ['nodepool'],
    ),
    allowedDisruptions: make.gauge(
      'karpenter_nodepools_allowed_disruptions',
      'Nodes of a pool that may be disrupted at this moment',
      ['nodepool', 'reason'],
    ),
    conditionCount: make.gauge(
      'operator_nodepool_status_condition_count',
      'NodePools by condition',
      ['type', 'status', 'reason'],
    ),
  };
}

function disruptionMetrics(make: MetricMaker) {
  return {
    decisions: make.counter(
      'karpenter_voluntary_disruption_decisions_total',
      'Decisions to disrupt nodes',
      ['decision', 'reason', 'consolidation_type'],
    ),
    eligibleNodes: make.gauge(
      'karpenter_voluntary_disruption_eligible_nodes',
      'Nodes that could be disrupted',
      ['reason'],
    ),
  };
}

function interruptionMetrics(make: MetricMaker) {
  return {
    received: make.counter(
      'karpenter_interruption_received_messages_total',
      'News of instances that came in',
      ['message_type'],
    ),
    deleted: make.counter(
      'karpenter_interruption_deleted_messages_total',
      'Messages that were done with and taken off their queue',
      [],
    ),
    queueSeconds: make.histogram(
      'karpenter_interruption_message_queue_duration_seconds',
      'Time from sending of a message until it was done with',
      [],
      waitSeconds,
    ),
    unhealthy: make.counter(
      'karpenter_interruption_instance_status_unhealthy_total',
      'Instances whose status checks failed for too long',
      [],
    ),
    cordonSeconds: make.histogram(
      'stowage_interruption_cordon_duration_seconds',
      'Time from receipt of a message until the node was closed to new pods',
      [],
      workSeconds,
    ),
    sourceErrors: make.counter(
      'stowage_interruption_source_errors_total',
      'Times that a source of news could not be asked',
      ['source', 'error'],
    ),
  };
}
