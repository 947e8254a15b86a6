/** Intersections of requirements against what their expressions admit one by one. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import {
  admitsLabels,
  admitsValue,
  conflictingKey,
  integerOf,
  intersection,
  isUnsatisfiable,
  type Requirement,
  type RequirementExpression,
  requirementKey,
  requirementOf,
  requirementsOf,
} from '../../../core/scheduling/requirements.ts';

/** Every value that matters to the random requirements below, and the missing label. */
const universe: readonly (string | undefined)[] = [
  undefined,
  '',
  'a',
  'b',
  '-1',
  '0',
  '1',
  '2',
  '3',
  '4',
  '5',
  '007',
  '1.5',
  '1e1',
];

/** The operators, each in its own words. */
function holds(
  { operator, values = [] }: RequirementExpression,
  value: string | undefined,
): boolean {
  const integer = value !== undefined && /^[+-]?\d+$/.test(value) ? Number(value) : undefined;
  const bound = Number(values[0]);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return integer !== undefined && integer > bound;
    case 'Gte':
      return integer !== undefined && integer >= bound;
    case 'Lt':
      return integer !== undefined && integer < bound;
    case 'Lte':
      return integer !== undefined && integer <= bound;
  }
}

const values = fc.subarray(universe.filter((value) => value !== undefined));
const expression: fc.Arbitrary<RequirementExpression> = fc.oneof(
  fc.record({ key: fc.constant('k'), operator: fc.constantFrom('In', 'NotIn'), values }),
  fc.record({ key: fc.constant('k'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({
    key: fc.constant('k'),
    operator: fc.constantFrom('Gt', 'Gte', 'Lt', 'Lte'),
    values: fc.integer({ min: -1, max: 5 }).map((bound) => [String(bound)]),
  }),
);

const setOf = (requirement: Requirement): (string | undefined)[] =>
  universe.filter((value) => admitsValue(requirement, value));

t.test('intersections admit exactly what all their expressions admit', async () => {
  fc.assert(
    fc.property(fc.array(expression, { minLength: 1, maxLength: 4 }), (expressions) => {
      const merged = expressions.map(requirementOf).reduce(intersection);
      const expected = universe.filter((value) => expressions.every((one) => holds(one, value)));
      assert.deepEqual(setOf(merged), expected);
      const viaMap = requirementsOf(expressions).get('k')!;
      assert.deepEqual(setOf(viaMap), expected);
      if (isUnsatisfiable(merged)) {
        assert.deepEqual(expected, []);
      }
    }),
    { numRuns: 2000 },
  );
});

t.test('the order of an intersection does not matter, and its key says what it means', async () => {
  fc.assert(
    fc.property(expression, expression, (a, b) => {
      const [x, y] = [requirementOf(a), requirementOf(b)];
      assert.equal(requirementKey(intersection(x, y)), requirementKey(intersection(y, x)));
      if (requirementKey(x) === requirementKey(y)) {
        assert.deepEqual(setOf(x), setOf(y));
      }
    }),
    { numRuns: 1000 },
  );
});

t.test('bounds and minValues keep the strictest', async (t) => {
  const merged = requirementsOf([
    { key: 'k', operator: 'Gt', values: ['2'], minValues: 3 },
    { key: 'k', operator: 'Gte', values: ['3'] },
    { key: 'k', operator: 'Lte', values: ['9'], minValues: 2 },
  ]).get('k')!;
  t.match(merged, { gte: 3, lte: 9, minValues: 3, complement: true, absent: false });
  const empty = requirementsOf([
    { key: 'k', operator: 'Gt', values: ['5'] },
    { key: 'k', operator: 'Lt', values: ['5'] },
  ]).get('k')!;
  t.ok(isUnsatisfiable(empty));
  t.ok(isUnsatisfiable(requirementOf({ key: 'k', operator: 'Gt', values: ['many'] })));
});

t.test('integers are read as Kubernetes reads them', async (t) => {
  t.strictSame(['7', '+7', '-7', '007', '', ' 7', '7.0', '0x7', '1e2'].map(integerOf), [
    7,
    7,
    -7,
    7,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

t.test('real labels are matched strictly', async (t) => {
  const wanted = requirementsOf([
    { key: 'zone', operator: 'In', values: ['a', 'b'] },
    { key: 'gpu', operator: 'DoesNotExist' },
    { key: 'old', operator: 'Exists' },
  ]);
  t.ok(admitsLabels(wanted, { zone: 'a', old: 'x' }));
  t.notOk(admitsLabels(wanted, { zone: 'c', old: 'x' }));
  t.notOk(admitsLabels(wanted, { zone: 'a' }));
  t.notOk(admitsLabels(wanted, { zone: 'a', old: 'x', gpu: '1' }));
});

t.test('what a template leaves open is met only by keys that the cloud defines', async (t) => {
  const template = requirementsOf([
    { key: 'zone', operator: 'In', values: ['a', 'b'] },
    { key: 'team', operator: 'NotIn', values: ['red'] },
  ]);
  const conflict = (one: RequirementExpression) =>
    conflictingKey(template, requirementsOf([one]), (key) => key === 'arch');
  t.equal(conflict({ key: 'zone', operator: 'In', values: ['b', 'c'] }), undefined);
  t.equal(conflict({ key: 'zone', operator: 'In', values: ['c'] }), 'zone');
  t.equal(conflict({ key: 'zone', operator: 'NotIn', values: ['a', 'b'] }), 'zone');
  t.equal(conflict({ key: 'team', operator: 'DoesNotExist' }), undefined);
  t.equal(conflict({ key: 'team', operator: 'In', values: ['blue'] }), undefined);
  t.equal(conflict({ key: 'team', operator: 'In', values: ['red'] }), 'team');
  t.equal(conflict({ key: 'arch', operator: 'In', values: ['arm64'] }), undefined);
  t.equal(conflict({ key: 'custom', operator: 'In', values: ['x'] }), 'custom');
  t.equal(conflict({ key: 'custom', operator: 'Exists' }), 'custom');
  t.equal(conflict({ key: 'custom', operator: 'NotIn', values: ['x'] }), undefined);
  t.equal(conflict({ key: 'custom', operator: 'DoesNotExist' }), undefined);
});
