// The cluster as it will be: which nodes a plan may use, and which only count.

import t from 'tap';
import { firstFit } from '../../../core/packing/first-fit.ts';
import { planDecisions } from '../../../core/packing/planned-claims.ts';
import { planningSnapshot } from '../../../core/provisioning/in-flight.ts';
import {
  modelOf,
  nodeOf,
  podsOf,
  poolKey,
  poolOf,
  specOf,
  typeOf,
} from '../../support/cluster-builders.ts';
import { solutionOf } from '../../support/sample-model.ts';

const types = [typeOf('m5.xlarge')];

/** What first-fit decides for a pod, in a pool whose one node is open and has room for it. */
function planned(limits: Readonly<Record<string, string>>, withOpenNodes: boolean) {
  const pool = poolOf('general', { limits });
  const node = nodeOf('open', { labels: { [poolKey]: 'general' } });
  const pods = podsOf('web', 1, specOf({ cpu: '500m', memory: '1Gi' }));
  const given = modelOf({ nodePools: [pool], nodes: [node], types, pods });
  const { snapshot } = planningSnapshot({
    snapshot: given.snapshot,
    claims: [],
    pending: new Set(given.snapshot.pods),
    claimOfPod: new Map(),
    isOurs: () => true,
    nodePools: [pool],
    withOpenNodes,
  });
  const model = modelOf({ ...snapshot, types });
  const solution = solutionOf(model, firstFit(model.problem).bins);
  const { claims, placements } = planDecisions(snapshot, model, solution);
  return { launched: claims.length, onOpen: placements.get('open')?.length ?? 0 };
}

t.test('a pod is planned on an open node, unless it has waited for that in vain', async (t) => {
  t.strictSame(planned({}, true), { launched: 0, onOpen: 1 });
  t.strictSame(planned({}, false), { launched: 1, onOpen: 0 });
});

t.test('an open node counts against the limits of its pool even then', async (t) => {
  t.strictSame(planned({ nodes: '1' }, true), { launched: 0, onOpen: 1 });
  t.strictSame(planned({ nodes: '1' }, false), { launched: 0, onOpen: 0 });
  t.strictSame(planned({ nodes: '2' }, false), { launched: 1, onOpen: 0 });
});
