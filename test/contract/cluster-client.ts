/**
 * The contract of the ClusterClient port: one test per rule.
 *
 * In: a tap test and a world. Out: subtests. Whoever implements the port passes all of it; the real
 * API server decides what the rules are, the simulated cluster agrees.
 */
import type { Test } from 'tap';
import { applyCases } from './applying.ts';
import { deleteCases } from './deleting.ts';
import { objectCases } from './objects.ts';
import { podCases } from './pods.ts';
import { watchCases } from './watching.ts';
import type { ContractCase, ContractWorld } from './world.ts';

const areas: readonly (readonly [string, readonly ContractCase[]])[] = [
  ['objects', objectCases],
  ['apply', applyCases],
  ['deletion', deleteCases],
  ['watches', watchCases],
  ['pods', podCases],
];

/** Runs the whole contract; every case has a namespace to itself. */
export async function checkClusterClient(t: Test, world: ContractWorld): Promise<void> {
  let number = 0;
  for (const [area, cases] of areas) {
    for (const { rule, check } of cases) {
      number += 1;
      const namespace = `case-${number}`;
      await t.test(`${area}: ${rule}`, async (t) => {
        await world.client.create('Namespace', { metadata: { name: namespace } });
        await check(t, world, namespace);
      });
    }
  }
}
