/**
 * Problems as objects of one hidden class.
 *
 * In: a problem from anywhere: assembled, received from another thread, copied with changes. Out:
 * the same problem, its properties in one order. V8 compiles a function for the kinds of object that
 * it has met; with one kind, what a thread has practised serves every problem.
 */
import type { PackingProblem } from '../core/packing/problem.ts';

/** The same problem (arrays are shared, not copied), with another demand if one is given. */
export function uniformProblem(p: PackingProblem, demand: Int32Array = p.demand): PackingProblem {
  return {
    resourceNames: p.resourceNames,
    familyCount: p.familyCount,
    demand,
    priority: p.priority,
    classCount: p.classCount,
    familyOf: p.familyOf,
    request: p.request,
    boundRequest: p.boundRequest,
    offeringCount: p.offeringCount,
    capacity: p.capacity,
    boundCapacity: p.boundCapacity,
    priceNano: p.priceNano,
    steerNano: p.steerNano,
    available: p.available,
    maskOf: p.maskOf,
    maskCount: p.maskCount,
    masks: p.masks,
    boundMasks: p.boundMasks,
    conflicts: p.conflicts,
    domainGroups: p.domainGroups,
    limits: p.limits,
  };
}
