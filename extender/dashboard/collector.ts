/**
 * Keeps the dashboard's state in step with the cluster.
 *
 * In: the live view, prices, decisions, the plan's figures. Out: the whole state, and what has
 * changed since the last look. Changes are noted as they happen and worked off when asked: a look
 * costs O(changed nodes and their pods) plus O(nodes) additions, and handles at most
 * `tilesPerLookMax` nodes, so that a large cluster never holds up the event loop. It sends nothing.
 */
import type { Live } from '../../core/api/kinds.ts';
import type { DecisionRecord } from '../../core/ports.ts';
import type { LivePod } from '../../core/state/live-pod.ts';
import { podKey } from '../../core/state/snapshot.ts';
import type { ClusterView, ViewChange } from '../../core/state/view.ts';
import { BootTimes } from './boot-times.ts';
import { DecisionLog } from './decision-log.ts';
import type { DecisionSource } from './decision-source.ts';
import {
  claimOf,
  claimTileId,
  nodeTile,
  nodeTileId,
  type PriceOf,
  plannedPods,
  type TileFacts,
  tileSubject,
} from './node-tile.ts';
import { PendingBoard, type PendingOverview } from './pending-board.ts';
import { type PlanShare, planShare } from './plan-shares.ts';
import type { PlanState } from './plan-state.ts';
import { PodCounts } from './pod-counts.ts';
import { Series } from './series.ts';
import type {
  About,
  DashboardDiff,
  DashboardState,
  NodeTile,
  SeriesPoint,
  Totals,
} from './state.ts';
import { totalsOf } from './totals.ts';
import { type ComingNode, waitingOf } from './waiting.ts';
import { WorkloadNames } from './workload-group.ts';

export interface DashboardSources {
  readonly view: ClusterView;
  readonly priceOf: PriceOf;
  readonly decisions: DecisionSource;
  readonly planState: PlanState;
  readonly about: () => About;
  /** The cluster's clock. */
  readonly nowMs: () => number;
}

/** Nodes looked at in one go: about ten milliseconds of work. */
const tilesPerLookMax = 500;
const seriesOptions = { pointsMax: 480, intervalMs: 2_000, intervalMaxMs: 300_000 };
/** Prices come and change without a word: nodes without one are looked at again after so many looks. */
const unpricedLooks = 20;
const repriceLooks = 240;
/** Workloads are numbered anew at most this often, once there are too many. */
const renumberMs = 600_000;

/** A diff, or the news that everything must be told again. */
export type Look = { readonly diff: DashboardDiff } | 'again' | undefined;

export class Collector {
  readonly #sources: DashboardSources;
  readonly #facts: TileFacts;
  readonly #names = new WorkloadNames();
  readonly #tiles = new Map<string, NodeTile>();
  /** Tiles as they were sent, to tell whether they have changed. */
  readonly #texts = new Map<string, string>();
  readonly #dirty = new Set<string>();
  readonly #pods = new PodCounts();
  readonly #board = new PendingBoard();
  /** By UID: the claim whose node is held for the pod. */
  readonly #coming = new Map<string, { readonly claimId: string; readonly node: ComingNode }>();
  readonly #plannedBy = new Map<string, readonly string[]>();
  readonly #shares = new Map<string, PlanShare>();
  readonly #log: DecisionLog;
  readonly #boots = new BootTimes();
  readonly #series = new Series<SeriesPoint>(seriesOptions);
  readonly #unlisten: readonly (() => void)[];
  #looks = 0;
  #revision = 0;
  #timeMs = 0;
  #namesTold = 0;
  #renumberedMs = 0;
  #told: { about: string; totals: string; pending: PendingOverview | undefined } = {
    about: '',
    totals: '',
    pending: undefined,
  };
  #about: About;
  #totals: Totals;

  constructor(sources: DashboardSources) {
    const { view, priceOf, decisions } = sources;
    this.#sources = sources;
    this.#facts = { view, priceOf, names: this.#names };
    this.#log = new DecisionLog(decisions.recent(DecisionLog.readAtStart));
    for (const { metadata } of view.all('NodeClaim')) this.#dirty.add(claimTileId(metadata.name));
    for (const { metadata } of view.all('Node')) this.#dirty.add(nodeTileId(metadata.name));
    for (const pod of view.all('Pod')) this.#pods.add(pod);
    for (const pod of view.unboundPods.values()) this.#await(pod);
    this.#unlisten = [
      view.listen('Pod', (change) => this.#onPod(change)),
      view.listen('Node', ({ object }) => this.#onNode(object.metadata.name)),
      view.listen('NodeClaim', (change) => this.#onClaim(change)),
      decisions.subscribe((record) => this.#onDecision(record)),
    ];
    this.#about = sources.about();
    this.#totals = this.#sum();
    this.look();
  }

  /** True while nodes are left to be looked at. */
  get isBehind(): boolean {
    return this.#dirty.size > 0;
  }

  /** As of the last look. */
  state(): DashboardState {
    const { classes, elsewhere } = this.#told.pending ?? this.#board.overview();
    return {
      revision: this.#revision,
      timeMs: this.#timeMs,
      about: this.#about,
      totals: this.#totals,
      workloads: this.#names.from(0).slice(0, this.#namesTold),
      nodes: [...this.#tiles.values()],
      pending: classes,
      pendingElsewhere: elsewhere,
      series: this.#series.points,
      decisions: this.#log.told,
    };
  }

  /** What has changed since the last look; undefined if nothing has. */
  look(): Look {
    const { about, nowMs } = this.#sources;
    this.#timeMs = nowMs();
    this.#reprice();
    const isRenumbered = this.#renumber();
    const tiles = this.#lookAtTiles();
    this.#about = about();
    this.#totals = this.#sum();
    const parts = {
      ...this.#newest('about', this.#about),
      ...this.#newest('totals', this.#totals),
      ...tiles,
      ...this.#newPending(),
      // After all that gives names.
      ...this.#newNames(),
      ...this.#newPoints(),
      ...this.#log.news(),
    };
    if (Object.keys(parts).length === 0) return undefined;
    this.#revision += 1;
    if (isRenumbered) return 'again';
    return { diff: { revision: this.#revision, timeMs: this.#timeMs, ...parts } };
  }

  close(): void {
    for (const unlisten of this.#unlisten) unlisten();
  }

  #onPod({ type, object, previous }: ViewChange<'Pod'>): void {
    if (previous !== undefined) this.#pods.delete(previous);
    if (type !== 'deleted') this.#pods.add(object);
    this.#pods.noteEnd(previous, object);
    for (const name of new Set([previous?.nodeName ?? '', object.nodeName])) {
      if (name !== '') this.#onNode(name);
    }
    const { view } = this.#sources;
    if (view.unboundPods.has(object.uid)) this.#await(object);
    else {
      this.#board.delete(object.uid);
      if (type === 'deleted') this.#log.forget(podKey(object));
    }
    const coming = this.#coming.get(object.uid);
    if (coming !== undefined) this.#dirty.add(coming.claimId);
  }

  #onNode(name: string): void {
    const { view } = this.#sources;
    const id = nodeTileId(name);
    const node = view.get('Node', { name });
    const claim = node === undefined ? view.claimByNodeName(name) : claimOf(view, node);
    if (claim !== undefined) this.#dirty.add(claimTileId(claim.metadata.name));
    if (claim === undefined || this.#tiles.has(id)) this.#dirty.add(id);
  }

  #onClaim({ type, object, previous }: ViewChange<'NodeClaim'>): void {
    const id = claimTileId(object.metadata.name);
    this.#dirty.add(id);
    if (type === 'added') this.#share(id, object);
    for (const claim of [object, previous]) {
      const { nodeName, providerID } = claim?.status ?? {};
      const node =
        nodeName ?? this.#sources.view.nodeByProviderID(providerID ?? '')?.metadata.name ?? '';
      if (node !== '') this.#dirty.add(nodeTileId(node));
    }
  }

  /** At once: a moment later the last plan may be another one. */
  #share(id: string, { metadata }: Live<'NodeClaim'>): void {
    const createdMs = Date.parse(metadata.creationTimestamp);
    const share = planShare(createdMs, this.#sources.planState.latest());
    if (share !== undefined) this.#shares.set(id, share);
  }

  #onDecision(record: DecisionRecord): void {
    this.#log.add(record);
    if (record.subject.kind !== 'Pod') return;
    const { namespace = '', name, uid } = record.subject;
    const pod =
      uid === undefined
        ? this.#sources.view.get('Pod', { namespace, name })
        : this.#board.podOf(uid);
    if (pod !== undefined && this.#board.podOf(pod.uid) !== undefined) this.#await(pod);
  }

  /** Enters a pending pod under what it waits for now. */
  #await(pod: LivePod): void {
    if (pod.ownerKind === 'DaemonSet') return;
    const coming = this.#coming.get(pod.uid)?.node;
    this.#board.put(pod, waitingOf(pod, coming, this.#log.lastAbout(pod)));
  }

  #lookAtTiles(): Pick<DashboardDiff, 'nodes' | 'gone'> {
    const nodes: NodeTile[] = [];
    const gone: string[] = [];
    let looks = 0;
    for (const id of this.#dirty) {
      if (looks === tilesPerLookMax) break;
      looks += 1;
      this.#dirty.delete(id);
      const tile = this.#update(id);
      if (tile === 'gone') gone.push(id);
      else if (tile !== undefined) nodes.push(tile);
    }
    return {
      ...(nodes.length === 0 ? {} : { nodes }),
      ...(gone.length === 0 ? {} : { gone }),
    };
  }

  #update(id: string): NodeTile | 'gone' | undefined {
    const { view } = this.#sources;
    const subject = tileSubject(view, id);
    if (subject === undefined) {
      this.#plan(id, [], undefined);
      this.#texts.delete(id);
      this.#shares.delete(id);
      return this.#tiles.delete(id) ? 'gone' : undefined;
    }
    const tile = nodeTile(this.#facts, subject);
    this.#boots.note(subject.claim);
    const { step, trouble, createdMs } = tile;
    const expectedMs = this.#boots.expectedMs(createdMs);
    const planned = plannedPods(view, subject.claim);
    this.#plan(id, planned, { step, trouble, expectedMs });
    const text = JSON.stringify(tile);
    if (this.#texts.get(id) === text) return undefined;
    this.#texts.set(id, text);
    this.#tiles.set(id, tile);
    return tile;
  }

  /** Notes for which pods a node is held, and tells the board. */
  #plan(claimId: string, pods: readonly LivePod[], node: ComingNode | undefined): void {
    const before = this.#plannedBy.get(claimId) ?? [];
    if (pods.length === 0 && before.length === 0) return;
    const { unboundPods } = this.#sources.view;
    for (const uid of before) {
      if (this.#coming.get(uid)?.claimId === claimId) this.#coming.delete(uid);
    }
    if (node !== undefined) {
      for (const { uid } of pods) this.#coming.set(uid, { claimId, node });
    }
    const uids = pods.map(({ uid }) => uid);
    if (uids.length === 0) this.#plannedBy.delete(claimId);
    else this.#plannedBy.set(claimId, uids);
    for (const uid of new Set([...before, ...uids])) {
      const pod = unboundPods.get(uid);
      if (pod !== undefined) this.#await(pod);
    }
  }

  #sum(): Totals {
    return totalsOf({
      tiles: this.#tiles,
      shares: this.#shares,
      pods: this.#pods,
      podsPending: this.#board.count,
      planState: this.#sources.planState,
    });
  }

  #newest<Part extends 'about' | 'totals'>(
    part: Part,
    value: DashboardState[Part],
  ): Partial<Pick<DashboardState, Part>> {
    const text = JSON.stringify(value);
    if (this.#told[part] === text) return {};
    this.#told[part] = text;
    return { [part]: value } as Partial<Pick<DashboardState, Part>>;
  }

  #newNames(): Pick<DashboardDiff, 'workloads'> {
    if (this.#names.count === this.#namesTold) return {};
    const workloads = this.#names.from(this.#namesTold);
    this.#namesTold = this.#names.count;
    return { workloads };
  }

  #newPending(): Pick<DashboardDiff, 'pending' | 'pendingElsewhere'> {
    const overview = this.#board.overview();
    if (this.#told.pending === overview) return {};
    this.#told.pending = overview;
    for (const { workload } of overview.classes) this.#names.numberOf(workload);
    return { pending: overview.classes, pendingElsewhere: overview.elsewhere };
  }

  /** Half a picture of the cluster is no point. */
  #newPoints(): Pick<DashboardDiff, 'points' | 'series'> {
    if (this.isBehind || !this.#series.isDue(this.#timeMs)) return {};
    const { cost, bound, firstFit, podsPending, podsRunning } = this.#totals;
    const point: SeriesPoint = [this.#timeMs, cost, bound, firstFit, podsPending, podsRunning];
    const outcome = this.#series.add(point);
    return outcome === 'appended' ? { points: [point] } : { series: this.#series.points };
  }

  #reprice(): void {
    this.#looks += 1;
    if (this.#looks % unpricedLooks !== 0) return;
    // What is typical of booting nodes changes too.
    for (const id of this.#plannedBy.keys()) this.#dirty.add(id);
    const isFull = this.#looks % repriceLooks === 0;
    for (const { id, price } of this.#tiles.values()) {
      if (isFull || price === null) this.#dirty.add(id);
    }
  }

  /** Once there have been too many workloads, those that are gone give up their numbers. */
  #renumber(): boolean {
    if (!this.#names.isFull || this.#timeMs - this.#renumberedMs < renumberMs) return false;
    this.#renumberedMs = this.#timeMs;
    this.#names.clear();
    this.#namesTold = 0;
    for (const id of this.#tiles.keys()) {
      this.#dirty.delete(id);
      this.#update(id);
    }
    return true;
  }
}

/** The state of this moment, from nothing. O(pods). */
export function dashboardState(sources: DashboardSources): DashboardState {
  const collector = new Collector(sources);
  try {
    // Each look leaves fewer nodes.
    while (collector.isBehind) collector.look();
    return collector.state();
  } finally {
    collector.close();
  }
}
