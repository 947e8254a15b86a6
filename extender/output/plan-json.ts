/**
 * The plan as `stowage plan -o json` prints it.
 *
 * In: a Plan. Out: chunks of one JSON document with a fixed key order, one node, existing node or
 * unschedulable pod per line, so that two plans can be compared line by line and a plan of 100,000
 * pods never stands in memory as one string.
 */
import type { Plan } from '../../core/packing/plan.ts';

/** Chunks are at least this long (UTF-16 units), but for the last: few writes, little memory. */
const chunkLength = 64 * 1024;

/** The document in order; joined, the chunks are JSON with a newline at the end. */
export function* planJsonChunks(plan: Plan): Generator<string> {
  let pending = '';
  for (const piece of pieces(plan)) {
    pending += piece;
    if (pending.length >= chunkLength) {
      yield pending;
      pending = '';
    }
  }
  yield pending;
}

function* pieces(plan: Plan): Generator<string> {
  yield `{\n  "apiVersion": ${JSON.stringify(plan.apiVersion)},\n`;
  yield `  "kind": ${JSON.stringify(plan.kind)},\n`;
  yield* list('nodes', plan.nodes, (node) => ({
    name: node.name,
    nodePool: node.nodePool,
    instanceType: node.instanceType,
    zone: node.zone,
    capacityType: node.capacityType,
    reservationId: node.reservationId,
    pricePerHour: node.pricePerHour,
    pods: node.pods,
    requests: node.requests,
    allocatable: node.allocatable,
    labels: node.labels,
    substitutes: node.substitutes.map((offering) => ({
      instanceType: offering.instanceType,
      zone: offering.zone,
      capacityType: offering.capacityType,
      reservationId: offering.reservationId,
      pricePerHour: offering.pricePerHour,
    })),
  }));
  yield* list('existing', plan.existing, ({ node, pods, placed }) => ({ node, pods, placed }));
  yield* list('unschedulable', plan.unschedulable, ({ pod, reason }) => ({ pod, reason }));
  const { perHour, lowerBound, gap, proof, firstFitPerHour } = plan.cost;
  yield member('cost', { perHour, lowerBound, gap, proof, firstFitPerHour });
  yield member('certificate', plan.certificate);
  yield member('solver', plan.solver);
  yield `  "notes": ${JSON.stringify(plan.notes)}\n}\n`;
}

function* list<T>(key: string, items: readonly T[], ordered: (item: T) => object) {
  yield `  ${JSON.stringify(key)}: [`;
  let separator = '\n    ';
  for (const item of items) {
    yield separator + JSON.stringify(ordered(item));
    separator = ',\n    ';
  }
  yield items.length === 0 ? '],\n' : '\n  ],\n';
}

function member(key: string, value: unknown): string {
  return `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`;
}
