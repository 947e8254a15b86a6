/**
 * The supply side of a model: where pods may stand, limited by all rules about single places.
 *
 * In: a snapshot, instance types, the demand side. Out: candidates and existing nodes in rows whose
 * limits are final but for rules over domains. The order matters: rules of pods first, then what
 * limits and minValues take away, then what nothing fits into, then pool weight, which asks what is
 * left.
 */
import type { ClusterSnapshot } from '../state/snapshot.ts';
import type { Steps } from '../steps.ts';
import { addressLimits } from './address-limits.ts';
import { DaemonGroups } from './daemon-groups.ts';
import { type ExistingNode, existingNodes } from './existing-nodes.ts';
import { closeWhereNothingFits } from './fitting.ts';
import { applyMinValues } from './min-values.ts';
import { countedKeys, type Demands } from './model-demands.ts';
import { type NewOfferings, NewOfferingsBuilder } from './new-offerings.ts';
import type { InstanceTypesOfPool, ModelOptions } from './packing-model.ts';
import {
  applyPlacementRules,
  type NewCandidate,
  type PlacementRow,
  type PlacementRule,
} from './placement-row.ts';
import { poolLimits } from './pool-limits.ts';
import { mentionedValues, type PoolTemplate, poolTemplates } from './pool-templates.ts';
import { applyPoolWeight, scarceRows } from './pool-weight.ts';
import { reservationLimits } from './reservation-limits.ts';
import { isWithinLimits, mayBind, type SharedLimit } from './shared-limits.ts';

/** Places and what they offer, limited by all rules about places. */
export interface Places {
  readonly templates: readonly PoolTemplate[];
  readonly offered: NewOfferings;
  readonly nodes: readonly ExistingNode[];
  readonly limits: readonly SharedLimit[];
  /** Candidates within limits and minValues. */
  readonly candidates: readonly NewCandidate[];
  /** Rows that pods can be placed in. */
  readonly rows: readonly PlacementRow[];
  /** [template] */
  readonly setBack: Uint8Array;
  readonly notes: readonly string[];
}

/** Reads the supply side under `rules`. O(offerings + rows x families x rules). */
export function* readPlaces(
  snapshot: ClusterSnapshot,
  typesOf: InstanceTypesOfPool,
  demands: Demands,
  rules: readonly PlacementRule[],
  options: ModelOptions,
): Steps<Places> {
  const { families: podFamiliesFound, topologyKeys, axis, book, daemons, roles } = demands;
  const { families, selections } = podFamiliesFound;
  const pools = poolTemplates(
    snapshot.nodePools,
    typesOf,
    mentionedValues(selections, topologyKeys),
  );
  const { templates } = pools;
  const daemonGroups = new DaemonGroups(daemons, axis, book);
  const shared = { families: podFamiliesFound, daemons, daemonGroups, axis, topologyKeys };
  const zoneIds = options.zoneIds ?? new Map();
  const { nodeClasses } = snapshot;
  const builder = new NewOfferingsBuilder({ ...shared, templates, nodeClasses, zoneIds });
  const offered = yield* builder.build();
  const { placed, leavingNodes } = roles;
  const firstRow = offered.rows.length;
  const nodes = yield* existingNodes({
    ...shared,
    snapshot,
    placed,
    leavingNodes,
    book,
    typesOf,
    firstRow,
  });
  const openNodes = nodes.filter(({ open }) => open);
  const rows = [...offered.rows, ...new Set(openNodes.map(({ row }) => row))];
  yield;
  applyPlacementRules(rows, families, rules);
  const podCount = families.reduce((sum, { pods }) => sum + pods.length, 0);
  const finite = [
    ...reservationLimits(offered.candidates, nodes),
    ...addressLimits(options.addresses ?? [], templates, offered.candidates, nodes),
  ].filter((limit) => mayBind(limit, offered.candidates, podCount));
  const limits = [...poolLimits(templates, nodes), ...finite];
  const within = offered.candidates.filter((candidate) => isWithinLimits(candidate, limits));
  const addRow = (like: PlacementRow, rowLimits: Uint16Array): PlacementRow => {
    const row = {
      ...like,
      index: rows.length,
      limits: rowLimits,
      boundLimits: like.boundLimits.slice(),
    };
    rows.push(row);
    return row;
  };
  yield;
  const isStrict = options.minValuesPolicy !== 'BestEffort';
  const byTemplate = Map.groupBy(within, ({ template }) => template);
  const candidates = isStrict
    ? [...byTemplate].flatMap(([template, own]) =>
        applyMinValues(template, own, families, demands.boundRequests, addRow),
      )
    : within;
  yield;
  closeWhereNothingFits(rows, candidates, openNodes, demands.requests, demands.boundRequests);
  const setBack = applyPoolWeight({
    rows,
    templates,
    families,
    keysOf: countedKeys(families),
    limitsOf: scarceRows(candidates, limits),
  });
  return { templates, offered, nodes, limits, candidates, rows, setBack, notes: pools.notes };
}
