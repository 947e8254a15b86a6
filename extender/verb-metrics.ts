/**
 * The metrics of the extender's verbs.
 *
 * In: nothing. Out: the metrics, in a registry of their own where a thread answers the verbs, or
 * among all others (`metrics.ts`).
 */
import { Registry } from 'prom-client';
import { type MetricMaker, metricMaker } from './metric-maker.ts';

/** A verb's answer: a decision takes well under a millisecond, a bind tens. */
const requestSeconds = [
  0.00025, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5,
];

/** Metrics of the verbs. */
export type ExtenderMetrics = ReturnType<typeof verbMetrics>;

/** Metrics of the verbs alone. */
export function createVerbMetrics(): {
  readonly registry: Registry;
  readonly extender: ExtenderMetrics;
} {
  const registry = new Registry();
  return { registry, extender: verbMetrics(metricMaker(registry)) };
}

/** Adds them to others. */
export function verbMetrics(make: MetricMaker) {
  const verb = ['verb'] as const;
  return {
    requestSeconds: make.histogram(
      'stowage_extender_http_request_duration_seconds',
      'Time from the header of a request to the end of the answer',
      ['verb', 'code'],
      requestSeconds,
    ),
    nodesAsked: make.counter(
      'stowage_extender_nodes_asked_total',
      'Nodes that requests named',
      verb,
    ),
    nodesRejected: make.counter(
      'stowage_extender_nodes_rejected_total',
      'Nodes that filter left out, by the reason given',
      ['reason'],
    ),
    candidatesDropped: make.counter(
      'stowage_extender_preemption_candidates_dropped_total',
      'Nodes on which preemption was refused because the pod could not use them afterwards',
      [],
    ),
    binds: make.counter('stowage_extender_binds_total', 'Binds asked for', ['result']),
    connections: make.counter(
      'stowage_extender_connections_total',
      'Connections accepted; kube-scheduler needs few over HTTP/2, one per concurrent bind over HTTP/1.1',
      ['protocol'],
    ),
    clientsRefused: make.counter(
      'stowage_extender_clients_refused_total',
      'Requests with a valid certificate whose names are not on the allow-list',
      [],
    ),
    certificateExpiry: make.gauge(
      'stowage_extender_certificate_expiry_timestamp_seconds',
      'When the serving certificate ends; 0 without TLS',
      [],
    ),
    certificateReloads: make.counter(
      'stowage_extender_certificate_reloads_total',
      'Looks at changed certificate files',
      ['result'],
    ),
  };
}
