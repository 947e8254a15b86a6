/**
 * How many instances of which kind a fleet request asks for.
 *
 * In: TargetCapacitySpecification. Out: numbers per capacity type, or the refusal of combinations that
 * EC2 does not take. Facts: `reference/ec2.md` C1, points 3 to 6.
 */
import { Ec2Error, type FleetStrategy } from '../ec2-types.ts';
import type { Form } from './form.ts';

export const onDemandStrategies = [
  'lowest-price',
  'prioritized',
] as const satisfies FleetStrategy[];
export const spotStrategies = [
  'lowest-price',
  'diversified',
  'capacity-optimized',
  'capacity-optimized-prioritized',
  'price-capacity-optimized',
] as const satisfies FleetStrategy[];

const capacityMax = 10_000;
const kinds = ['on-demand', 'spot', 'capacity-block', 'reserved-capacity'] as const;

export interface FleetTargets {
  readonly kind: (typeof kinds)[number];
  readonly 'on-demand': number;
  readonly spot: number;
  /** As answers name instances that are not spot. */
  readonly lifecycle: 'on-demand' | 'spot' | 'capacity-block';
}

/** @throws Ec2Error */
export function targetsOf(request: Form): FleetTargets {
  const target = request.form('TargetCapacitySpecification');
  const total = target.integer('TotalTargetCapacity', 0, capacityMax);
  if (total === undefined) {
    throw new Ec2Error('MissingParameter', 'The request must contain TotalTargetCapacity');
  }
  const kind = target.choice('DefaultTargetCapacityType', kinds, 'on-demand');
  const onDemand = target.integer('OnDemandTargetCapacity', 0, capacityMax) ?? 0;
  const spot = target.integer('SpotTargetCapacity', 0, capacityMax) ?? 0;
  const rest = total - onDemand - spot;
  if (rest < 0) {
    throw new Ec2Error(
      'InvalidTargetCapacitySpecification',
      'TotalTargetCapacity is less than the sum of its parts.',
    );
  }
  if (kind === 'capacity-block' && onDemand + spot > 0) {
    throw new Ec2Error(
      'InvalidTargetCapacitySpecification',
      'A capacity block cannot be mixed with other capacity.',
    );
  }
  return {
    kind,
    'on-demand': onDemand + (kind === 'spot' ? 0 : rest),
    spot: spot + (kind === 'spot' ? rest : 0),
    lifecycle:
      kind === 'capacity-block' ? 'capacity-block' : kind === 'spot' ? 'spot' : 'on-demand',
  };
}
