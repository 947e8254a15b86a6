/**
 * The metrics of calls to the cloud.
 *
 * In: where metrics are made. Out: the metrics. What Karpenter measures too has its names.
 */
import type { MetricMaker } from './metric-maker.ts';

/** Calls of the cloud: seconds. */
const workSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];

/** Adds them to others. */
export function cloudMetrics(make: MetricMaker) {
  return {
    callSeconds: make.histogram(
      'karpenter_cloudprovider_duration_seconds',
      'Calls of the cloud',
      ['controller', 'method', 'provider'],
      workSeconds,
    ),
    errors: make.counter('karpenter_cloudprovider_errors_total', 'Calls that failed', [
      'controller',
      'method',
      'provider',
      'error',
    ]),
    launchFailures: make.counter(
      'karpenter_cloudprovider_instance_launch_failures_total',
      'Offerings that could not be launched',
      ['zone', 'zone_id', 'capacity_type', 'reason'],
    ),
    apiSeconds: make.histogram(
      'stowage_aws_call_duration_seconds',
      'Calls of AWS, each attempt by itself',
      ['service', 'action'],
      workSeconds,
    ),
    apiCalls: make.counter(
      'stowage_aws_calls_total',
      'Calls of AWS, by the error code that came back, empty if none did',
      ['service', 'action', 'code'],
    ),
    apiWaitSeconds: make.histogram(
      'stowage_aws_call_wait_seconds',
      "Time that calls of AWS waited for the client's own rate limit",
      ['action'],
      workSeconds,
    ),
    unavailableOfferings: make.gauge(
      'stowage_unavailable_offerings',
      'Refusals of EC2 that are remembered now',
      [],
    ),
    discoveryAgeSeconds: make.gauge(
      'stowage_discovery_age_seconds',
      'Age of what is known of types and prices, of the embedded catalogue where EC2 has told nothing',
      ['part'],
    ),
  };
}
