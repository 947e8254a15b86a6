/**
 * The dashboard's copy of the state.
 *
 * In: the stream. Out: one model that is always whole, and calls that say which of its parts have
 * changed. A stream that breaks is opened again, for ever, ever more slowly up to a bound; what a
 * diff leaves open (a revision missing) is answered by asking for everything.
 */
const waitMs = { first: 1_000, last: 15_000 };
/** The server is never silent for longer than 15 s: after this the line is dead. */
const silentMaxMs = 40_000;
/** Lines of the log that are kept, as on the server. */
const decisionsMax = 300;

/** @param {{ changed(model, parts: Set<string>, tiles: string[]): void, link(state: string): void }} listener */
export function follow(listener) {
  let source;
  let wait = waitMs.first;
  let heardMs = performance.now();
  const model = { revision: -1, nodes: new Map() };

  function open() {
    heardMs = performance.now();
    source = new EventSource('api/v1/stream');
    source.addEventListener('state', ({ data }) => {
      heardMs = performance.now();
      replace(model, JSON.parse(data));
      wait = waitMs.first;
      listener.link('live');
      listener.changed(model, new Set(['about', 'totals', 'workloads', 'nodes', 'pending', 'series', 'decisions']), [...model.nodes.keys()]);
    });
    source.addEventListener('diff', ({ data }) => {
      heardMs = performance.now();
      const diff = JSON.parse(data);
      if (diff.revision !== model.revision + 1) return again(0);
      const { parts, tiles } = apply(model, diff);
      listener.changed(model, parts, tiles);
    });
    source.addEventListener('beat', () => {
      heardMs = performance.now();
    });
    source.addEventListener('error', () => again(wait));
  }

  /** Browsers give up on some answers (a server that is full, a proxy's 502); we do not. */
  function again(afterMs) {
    source.close();
    listener.link('lost');
    wait = Math.min(waitMs.last, wait * 1.5);
    setTimeout(open, afterMs);
  }
  open();
  setInterval(() => {
    if (source.readyState === EventSource.OPEN && performance.now() - heardMs > silentMaxMs) again(0);
  }, 5_000);
  return model;
}

function replace(model, state) {
  Object.assign(model, state, {
    nodes: new Map(state.nodes.map((tile) => [tile.id, tile])),
    heardMs: performance.now(),
  });
}

function apply(model, diff) {
  const { nodes = [], gone = [], workloads, points, decisions, ...rest } = diff;
  const parts = new Set(Object.keys(diff));
  for (const id of gone) model.nodes.delete(id);
  for (const tile of nodes) model.nodes.set(tile.id, tile);
  if (gone.length > 0) parts.add('nodes');
  Object.assign(model, rest, { heardMs: performance.now() });
  if (workloads) model.workloads = [...model.workloads, ...workloads];
  if (points) {
    model.series = [...model.series, ...points];
    parts.add('series');
  }
  if (decisions) model.decisions = [...model.decisions, ...decisions].slice(-decisionsMax);
  return { parts, tiles: nodes.map(({ id }) => id) };
}

/** The cluster's time now, as far as the last word tells; it does not run on without the server. */
export function clusterNow({ timeMs, heardMs, about }) {
  const quietMs = Math.min(2_000, performance.now() - heardMs);
  return timeMs + quietMs * (about.speed ?? 1);
}
