/** The boxes of a spread rule against an enumeration of all legal splits. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import {
  type DomainRange,
  domainBox,
  placeable,
  placeableTogether,
} from '../../../core/packing/domain-box.ts';
import { type DomainGroup, maxInt32 } from '../../../core/packing/problem.ts';

interface Shape {
  readonly existing: number;
  readonly max: number;
  readonly open: boolean;
}

function groupOf(shapes: readonly Shape[], maxSkew: number, floorIsZero = false): DomainGroup {
  return {
    name: 'test',
    maxSkew,
    floorIsZero,
    boundSafe: true,
    domains: shapes.map(({ existing, max, open }, z) => ({
      name: `z${z}`,
      classes: Int32Array.from(open ? [z] : []),
      existing,
      max,
    })),
  };
}

/** The rule as problem.ts states it, word for word. */
function isLegal(group: DomainGroup, placed: readonly number[]): boolean {
  const counts = group.domains.map((domain, z) => domain.existing + placed[z]!);
  const floor = group.floorIsZero ? 0 : Math.min(...counts);
  return group.domains.every((domain, z) => {
    if (placed[z] === 0) {
      return true;
    }
    return (
      domain.classes.length > 0 &&
      counts[z]! <= domain.max &&
      (group.maxSkew === maxInt32 || counts[z]! - floor <= group.maxSkew)
    );
  });
}

/** All ways to put exactly `total` pods into `count` domains. */
function* splits(total: number, count: number): Generator<number[]> {
  if (count === 1) {
    yield [total];
    return;
  }
  for (let first = 0; first <= total; first++) {
    for (const rest of splits(total - first, count - 1)) {
      yield [first, ...rest];
    }
  }
}

function bruteBox(group: DomainGroup, total: number): readonly DomainRange[] | undefined {
  const legal = [...splits(total, group.domains.length)].filter((x) => isLegal(group, x));
  if (legal.length === 0) {
    return undefined;
  }
  return group.domains.map((_, z) => ({
    min: Math.min(...legal.map((x) => x[z]!)),
    max: Math.max(...legal.map((x) => x[z]!)),
  }));
}

const shape = fc.record({
  existing: fc.integer({ min: 0, max: 4 }),
  max: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(maxInt32)),
  open: fc.boolean(),
});
const groups = fc
  .tuple(
    fc.array(shape, { minLength: 1, maxLength: 4 }),
    fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(maxInt32)),
    fc.boolean(),
  )
  .map(([shapes, maxSkew, floorIsZero]) => groupOf(shapes, maxSkew, floorIsZero));

t.test('a box is the tightest one that holds every legal split, found by trying all', async () => {
  fc.assert(
    fc.property(groups, fc.integer({ min: 0, max: 8 }), (group, total) => {
      let most = 0;
      for (let pods = 0; pods <= total; pods++) {
        if (bruteBox(group, pods) !== undefined) {
          most = pods;
        }
      }
      assert.equal(placeable(group, total), most);
      assert.deepEqual(domainBox(group, total), bruteBox(group, most));
    }),
    { numRuns: 600 },
  );
});

t.test(
  'families with domains of their own are placed together exactly when a split exists',
  async () => {
    const families = fc.array(
      fc.record({ pods: fc.integer({ min: 0, max: 4 }), bits: fc.integer({ min: 1, max: 7 }) }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 3, maxLength: 3 }),
        fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(maxInt32)),
        families,
        (shapes, maxSkew, drawn) => {
          const group = groupOf(shapes, maxSkew);
          const demands = drawn.map(({ pods, bits }) => ({
            pods,
            domains: [0, 1, 2].filter((z) => (bits >> z) & 1),
          }));
          let found = false;
          const place = (index: number, placed: readonly number[]): void => {
            const demand = demands[index];
            if (demand === undefined) {
              found ||= isLegal(group, placed);
              return;
            }
            for (const split of splits(demand.pods, 3)) {
              if (split.every((pods, z) => pods === 0 || demand.domains.includes(z))) {
                place(
                  index + 1,
                  placed.map((pods, z) => pods + split[z]!),
                );
              }
            }
          };
          place(0, [0, 0, 0]);
          assert.equal(placeableTogether(group, demands), found);
        },
      ),
      { numRuns: 400 },
    );
  },
);

t.test('the counts of published spread examples come out', async (t) => {
  const open = (existing: number): Shape => ({ existing, max: maxInt32, open: true });
  const closed = (existing: number): Shape => ({ existing, max: maxInt32, open: false });
  t.strictSame(domainBox(groupOf([open(0), open(0), open(0)], 1), 4), [
    { min: 1, max: 2 },
    { min: 1, max: 2 },
    { min: 1, max: 2 },
  ]);
  // One pod stands in a zone that no pool reaches: the others may be one ahead of it.
  t.equal(placeable(groupOf([open(0), open(0), closed(1)], 1), 6), 4);
  // Two zones where three are demanded: the floor stays zero.
  t.equal(placeable(groupOf([open(0), open(0)], 1, true), 3), 2);
  // A domain that is over the skew already takes nothing until the others catch up.
  t.strictSame(domainBox(groupOf([open(5), open(0)], 1), 3), [
    { min: 0, max: 0 },
    { min: 3, max: 3 },
  ]);
});

t.test('large totals cost no loop over pods', async (t) => {
  const shapes = Array.from({ length: 6 }, (_, z) => ({ existing: z, max: maxInt32, open: true }));
  t.equal(placeable(groupOf(shapes, 1), 1_000_000_000), 1_000_000_000);
  t.equal(domainBox(groupOf(shapes, 1), 1_000_000_000).length, 6);
});
