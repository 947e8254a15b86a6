/**
 * Reads a plan as `stowage plan -o json` wrote it.
 *
 * In: a path or `-`. Out: a Plan whose members have the right types. Whether it is true is for
 * `verify-plan.ts` to say. Unknown members are let pass, so that a newer plan can still be read.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Type } from 'typebox';
import { InputError } from '../../core/errors.ts';
import type { Plan } from '../../core/packing/plan.ts';
import { SchemaCheck } from '../input/schema-check.ts';

const Names = Type.Array(Type.String());
const Amount = Type.Number({ minimum: 0 });
const Index = Type.Integer({ minimum: 0 });
const Quantities = Type.Record(Type.String(), Type.String());
const Labels = Type.Record(Type.String(), Type.String());
const Integers = Type.Array(Type.Integer());

const Offering = Type.Object({
  instanceType: Type.String(),
  zone: Type.String(),
  capacityType: Type.String(),
  reservationId: Type.Optional(Type.String()),
  pricePerHour: Amount,
});

const CertificateSchema = Type.Object({
  demand: Integers,
  fractionBits: Index,
  classDual: Integers,
  domainDual: Type.Array(Integers),
  limitDual: Integers,
  multipliers: Type.Array(Integers),
  multiplierOf: Integers,
  tables: Type.Array(
    Type.Object({
      offerings: Integers,
      resources: Type.Tuple([Index, Index]),
      grid: Type.Tuple([Index, Index]),
    }),
  ),
});

const PlanSchema = Type.Object({
  apiVersion: Type.Literal('stowage.dev/v1alpha1'),
  kind: Type.Literal('Plan'),
  nodes: Type.Array(
    Type.Object({
      ...Offering.properties,
      name: Type.String({ minLength: 1 }),
      nodePool: Type.String(),
      pods: Names,
      requests: Quantities,
      allocatable: Quantities,
      labels: Type.Optional(Labels),
      substitutes: Type.Array(Offering),
    }),
  ),
  existing: Type.Array(Type.Object({ node: Type.String(), pods: Names, placed: Names })),
  unschedulable: Type.Array(Type.Object({ pod: Type.String(), reason: Type.String() })),
  cost: Type.Object({
    perHour: Amount,
    lowerBound: Amount,
    gap: Type.Optional(Type.Number()),
    proof: Type.Enum(['certified', 'optimal', 'unproven']),
    firstFitPerHour: Type.Optional(Amount),
  }),
  certificate: Type.Optional(CertificateSchema),
  solver: Type.Object({ seed: Type.Integer() }),
  notes: Names,
});

const check = new SchemaCheck(PlanSchema);

/** @throws InputError if it cannot be read, is not JSON or is not a plan */
export async function readPlan(path: string): Promise<Plan> {
  let source: string;
  try {
    source = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new InputError({ file: path }, `cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw new InputError({ file: path }, `is not JSON: ${(error as Error).message}`);
  }
  const checked = check.check(value);
  if ('problems' in checked) {
    const [first] = checked.problems;
    throw new InputError({ file: path, field: first?.field ?? '' }, first?.message ?? 'no plan');
  }
  const plan = checked.value as unknown as Plan;
  const { gap = null, firstFitPerHour = null } = checked.value.cost;
  return {
    ...plan,
    cost: { ...plan.cost, gap, firstFitPerHour },
    certificate: plan.certificate ?? null,
  };
}
