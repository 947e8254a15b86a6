/**
 * Makes metrics in a registry, with their labels in their types.
 *
 * In: a registry. Out: functions that make a counter, a gauge, a histogram or a summary there. What
 * is measured is `metrics.ts`'s.
 */
import { Counter, Gauge, Histogram, type Registry, Summary } from 'prom-client';

/** Quantiles of summaries are over this long. */
const summaryWindow = { maxAgeSeconds: 600, ageBuckets: 5, percentiles: [0.5, 0.9, 0.99] };

type Labels = readonly string[];
type LabelOf<L extends Labels> = L[number];

/** Whoever counts a label that the metric does not have gets a type error. */
export interface MetricMaker {
  counter<const L extends Labels>(name: string, help: string, labels: L): Counter<LabelOf<L>>;
  gauge<const L extends Labels>(name: string, help: string, labels: L): Gauge<LabelOf<L>>;
  histogram<const L extends Labels>(
    name: string,
    help: string,
    labels: L,
    buckets: readonly number[],
  ): Histogram<LabelOf<L>>;
  summary<const L extends Labels>(name: string, help: string, labels: L): Summary<LabelOf<L>>;
}

/** All that it makes is in `registry` from then on. */
export function metricMaker(registry: Registry): MetricMaker {
  const registers = [registry];
  return {
    counter: (name, help, labelNames) => new Counter({ name, help, labelNames, registers }),
    gauge: (name, help, labelNames) => new Gauge({ name, help, labelNames, registers }),
    histogram: (name, help, labelNames, buckets) =>
      new Histogram({ name, help, labelNames, buckets: [...buckets], registers }),
    summary: (name, help, labelNames) =>
      new Summary({ name, help, labelNames, registers, ...summaryWindow }),
  };
}
