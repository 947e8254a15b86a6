/**
 * How long an instance takes from the launch call to its steps.
 *
 * In: a type, a seed. Out: durations. Figures: `reference/ec2.md` C6: VM 12 s, kubelet 22 s later,
 * Ready 6 s after that, 40 s together with a tail of 75 s at p95; accelerators take 40 s more, bare
 * metal 5 to 8 minutes; one in 500 never joins. Spreads are judgement, so they are options.
 */
import type { InstanceTypeFacts } from '../core/state/instance-type.ts';
import { lognormal, type SeededRandom } from './random.ts';

export interface BootTimes {
  /** From the launch to the state running. */
  readonly runningMs: number;
  /** From running to the kubelet's registration; `undefined`: it never comes. */
  readonly registerMs: number | undefined;
  /** From registration to Ready. */
  readonly readyMs: number;
  /** From Ready to allocatable devices. */
  readonly devicesMs: number;
}

export interface BootModel {
  readonly vmMedianMs: number;
  readonly osMedianMs: number;
  readonly readyMedianMs: number;
  readonly deviceMedianMs: number;
  /** Added to a bare-metal type's VM time. */
  readonly metalMinMs: number;
  readonly metalMaxMs: number;
  /** Of the logarithm of the common factor: slow boots are slow in every step. */
  readonly sigma: number;
  readonly neverJoinsShare: number;
}

/** p95 over median is 75/40, hence sigma = ln(1.875) / 1.645. */
export const defaultBootModel: BootModel = {
  vmMedianMs: 12_000,
  osMedianMs: 22_000,
  readyMedianMs: 6_000,
  deviceMedianMs: 40_000,
  metalMinMs: 300_000,
  metalMaxMs: 480_000,
  sigma: 0.38,
  neverJoinsShare: 1 / 500,
};

export function drawBootTimes(
  facts: InstanceTypeFacts,
  model: BootModel,
  random: SeededRandom,
): BootTimes {
  const factor = lognormal(random, 1, model.sigma);
  const metalMs = facts.bareMetal
    ? model.metalMinMs + random.float() * (model.metalMaxMs - model.metalMinMs)
    : 0;
  const neverJoins = random.chance(model.neverJoinsShare);
  return {
    runningMs: model.vmMedianMs * factor + metalMs,
    registerMs: neverJoins ? undefined : model.osMedianMs * factor,
    readyMs: model.readyMedianMs * factor,
    devicesMs: model.deviceMedianMs * factor,
  };
}
