/** Every bench case by name. In: a name. Out: the case, or an error that lists the names. */
import { InputError } from '../../core/errors.ts';
import type { BenchCase } from '../workload.ts';
import { gpuCases } from './gpu.ts';
import { personaCases } from './personas.ts';
import { ruleCases } from './rules.ts';
import { shapeCases } from './shapes.ts';

export const benchCases: readonly BenchCase[] = [
  ...shapeCases,
  ...ruleCases,
  ...gpuCases,
  ...personaCases,
];

/** @throws InputError when there is none of that name */
export function findCase(name: string): BenchCase {
  const found = benchCases.find((benchCase) => benchCase.name === name);
  if (found === undefined) {
    const names = benchCases.map((benchCase) => benchCase.name).join(', ');
    throw new InputError({ field: '--case' }, `no case ${JSON.stringify(name)}; expected ${names}`);
  }
  return found;
}
