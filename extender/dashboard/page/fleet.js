/**
 * All nodes, pool by pool: filters, legend, bins or a list, the tooltip.
 *
 * In: the model and which tiles have changed. Out: one section per NodePool, kept from one update to
 * the next, so that nothing flickers and focus stays where it is.
 */
import { BinCanvas, sizes, spoken } from './bins.js';
import { clusterNow } from './live.js';
import { openNode } from './detail.js';
import { readPalette } from './paint.js';
import { byId, byText, comingSteps, count, duration, element, percent, plural, say, shortName, stepTag, stepWords, swatch, usd } from './words.js';

const legendAtFirst = 14;
const rowsAtFirst = 100;
/** The list is for reading: it stands still for this long at least. */
const listMs = 1_000;
/** Where the sizes of bins are meant for. */
const wideScreen = 1_000;
const noPool = '\u0000none';

const chosen = { pool: '', step: '', text: '', workload: undefined, isList: false, legendAll: false, rows: rowsAtFirst, isNew: false };
/** Pool -> { card, canvas, bins, head } */
const groups = new Map();
let model;
let listTimer;
let listed = [];

export function startFleet(followed) {
  model = followed;
  readPalette();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    readPalette();
    for (const { bins } of groups.values()) bins.repaint();
  });
  let width = 0;
  new ResizeObserver(() => {
    if (model.about === undefined || width === byId('fleet').clientWidth) return;
    width = byId('fleet').clientWidth;
    showFleet();
  }).observe(byId('fleet'));
  for (const key of ['pool', 'step']) byId(key).addEventListener('change', () => choose({ [key]: byId(key).value }));
  byId('search').addEventListener('input', () => choose({ text: byId('search').value.trim().toLowerCase() }));
  byId('view-bins').addEventListener('click', () => choose({ isList: false }));
  byId('view-list').addEventListener('click', () => choose({ isList: true }));
}

function choose(change) {
  Object.assign(chosen, change, { isNew: true }, 'rows' in change ? {} : { rows: rowsAtFirst });
  byId('view-bins').setAttribute('aria-pressed', String(!chosen.isList));
  byId('view-list').setAttribute('aria-pressed', String(chosen.isList));
  showLegend();
  showNodes();
}

/** @param changed ids of tiles that differ; undefined for all */
export function showFleet(changed) {
  options('pool', [...new Set([...model.nodes.values()].map(poolOf))].sort(byText), 'all pools', poolName);
  options('step', Object.keys(stepWords), 'all steps', (step) => stepWords[step]);
  showLegend();
  showNodes(changed);
}

const poolOf = ({ pool }) => pool || noPool;
const poolName = (pool) => (pool === noPool ? 'no NodePool' : pool);

function options(id, values, all, nameOf) {
  const select = byId(id);
  const wanted = ['', ...values];
  if (wanted.join('\n') === select.dataset.values) return;
  select.dataset.values = wanted.join('\n');
  select.replaceChildren(...wanted.map((value) => element('option', { value, selected: value === chosen[id] }, value === '' ? all : nameOf(value))));
}

function matches(tile) {
  if (chosen.pool && poolOf(tile) !== chosen.pool) return false;
  if (chosen.step && tile.step !== chosen.step) return false;
  if (!chosen.text) return true;
  const names = [tile.name, tile.id, tile.type, tile.zone, tile.capacity, ...tile.blocks.map(([workload]) => model.workloads[workload] ?? '')];
  return names.some((name) => name.toLowerCase().includes(chosen.text));
}

/** Large nodes first; those alike by age, so that a node keeps its place while others come. */
const byPlace = (a, b) => b.cpuMilli - a.cpuMilli || byText(a.type, b.type) || a.createdMs - b.createdMs || byText(a.id, b.id);

function showNodes(changed) {
  const tiles = [...model.nodes.values()].filter(matches).sort(byPlace);
  const cost = tiles.reduce((sum, { price, step }) => sum + (step === 'launching' ? 0 : (price ?? 0)), 0);
  const coming = tiles.filter(({ step }) => comingSteps.includes(step)).length;
  const fleet = byId('fleet');
  fleet.dataset.nodes = tiles.length;
  fleet.dataset.coming = coming;
  say(byId('shown'), tiles.length === 0 ? '' : `${plural(tiles.length, 'node')}${coming > 0 ? `, ${count(coming)} on their way` : ''}, ${usd(cost)} /h`);
  if (tiles.length === 0) return showNone();
  if (chosen.isList) return showList(tiles);
  const byPool = Map.groupBy(tiles, poolOf);
  if (fleet.dataset.view !== 'bins') fleet.replaceChildren();
  fleet.dataset.view = 'bins';
  for (const [pool, { card }] of groups) {
    if (byPool.has(pool)) continue;
    card.remove();
    groups.delete(pool);
  }
  // A narrow screen has room for fewer of the same size.
  const crowd = tiles.length * Math.max(1, wideScreen / Math.max(1, fleet.clientWidth));
  const size = sizes.find(({ upTo }) => crowd <= upTo);
  const pools = [...byPool.keys()].sort((a, b) => (a === noPool) - (b === noPool) || byText(a, b));
  pools.forEach((pool, index) => {
    const group = groups.get(pool) ?? newGroup(pool);
    if (fleet.children[index] !== group.card) fleet.insertBefore(group.card, fleet.children[index] ?? null);
    head(group.head, pool, byPool.get(pool));
    const label = `Nodes of ${poolName(pool)}: ${byPool.get(pool).length}. Arrow keys go from node to node, Enter opens one.`;
    if (group.canvas.getAttribute('aria-label') !== label) group.canvas.setAttribute('aria-label', label);
    group.bins.show(byPool.get(pool), size, chosen.workload, changed);
  });
}

function newGroup(pool) {
  const canvas = element('canvas', { class: 'bins', tabindex: 0, role: 'application', 'aria-roledescription': 'bins' });
  const heading = element('header', {});
  const card = element('article', { class: 'card pool', 'data-pool': pool }, heading, canvas);
  const bins = new BinCanvas(canvas, {
    over: showTip,
    out: hideTip,
    open: (tile) => {
      hideTip();
      openNode(model, tile.id);
    },
    choose: (tile) => say(byId('said'), spoken(tile, clusterNow(model))),
  });
  const group = { card, canvas, bins, head: heading };
  groups.set(pool, group);
  return group;
}

function head(host, pool, tiles) {
  const ready = tiles.filter(({ step }) => step === 'ready');
  const cost = tiles.reduce((sum, { price, step }) => sum + (step === 'launching' ? 0 : (price ?? 0)), 0);
  const share = (resource) => {
    const uses = ready.flatMap(({ use }) => use.filter(([name]) => name === resource));
    const whole = uses.reduce((sum, [, , each]) => sum + each, 0);
    return whole === 0 ? undefined : `${shortName(resource)} ${percent(uses.reduce((sum, [, each]) => sum + each, 0) / whole)}`;
  };
  const devices = [...new Set(ready.flatMap(({ use }) => use.slice(2).map(([name]) => name)))].filter((name) => !name.startsWith('hugepages') && !name.startsWith('vpc.'));
  const text = [plural(tiles.length, 'node'), `${usd(cost)} /h`, ...['cpu', 'memory', ...devices].map(share)].filter(Boolean).join(' · ');
  if (host.dataset.text === text) return;
  host.dataset.text = text;
  host.replaceChildren(element('h3', {}, poolName(pool)), element('span', { class: 'quiet' }, text));
}

function showNone() {
  const isFiltered = model.nodes.size > 0;
  groups.clear();
  byId('fleet').dataset.view = 'none';
  byId('fleet').replaceChildren(element('p', { class: 'card empty' },
    element('b', {}, isFiltered ? 'No node matches these filters.' : 'There are no nodes.'),
    isFiltered ? '' : ' Once pods wait, the nodes planned for them appear here with dashed outlines, and fill up as they arrive.'));
}

/* List */

const columns = [['Node', ''], ['Type', ''], ['Zone', ''], ['NodePool', ''], ['Step', ''], ['CPU', ''], ['Memory', ''], ['Pods', 'number'], ['Per hour', 'number']];

function showList(tiles) {
  const fleet = byId('fleet');
  groups.clear();
  listed = tiles;
  // Whoever has just asked gets it at once; after that it keeps still between two drawings.
  const isAsked = fleet.dataset.view !== 'list' || chosen.isNew;
  if (isAsked) {
    fleet.dataset.view = 'list';
    chosen.isNew = false;
    drawList();
  }
  listTimer ??= setTimeout(() => {
    listTimer = undefined;
    drawList();
  }, listMs);
}

function drawList() {
  const tiles = listed;
  if (byId('fleet').dataset.view !== 'list') return;
  const focused = document.activeElement?.dataset?.id;
  const more = tiles.length - chosen.rows;
  byId('fleet').replaceChildren(element('div', { class: 'card' }, element('div', { class: 'scroll' }, element('table', { class: 'nodes' },
    element('thead', {}, element('tr', {}, ...columns.map(([text, kind]) => element('th', { scope: 'col', class: kind }, text)))),
    element('tbody', {}, ...tiles.slice(0, chosen.rows).map(listRow)))),
    more > 0 ? element('button', { class: 'more', type: 'button', onclick: () => choose({ rows: chosen.rows * 4 }) }, `${count(more)} more`) : ''));
  if (focused !== undefined) [...byId('fleet').querySelectorAll('[data-id]')].find(({ dataset }) => dataset.id === focused)?.focus({ preventScroll: true });
}

function listRow(tile) {
  const { id, name, type, zone, capacity, step, use, blocks, price } = tile;
  const gauge = (resource) => {
    const [, used, whole] = use.find(([one]) => one === resource) ?? [resource, 0, 0];
    const ratio = whole === 0 ? 0 : used / whole;
    const track = element('span', { class: 'mini', 'aria-hidden': 'true' }, element('i'));
    track.firstChild.style.width = `${Math.min(100, ratio * 100).toFixed(1)}%`;
    return element('td', { class: 'gauge' }, track, percent(ratio));
  };
  return element('tr', { 'data-step': step },
    element('th', { scope: 'row' }, element('button', { type: 'button', class: 'plain', 'data-id': id, onclick: () => openNode(model, id) }, name)),
    element('td', {}, type, capacity === 'spot' ? ' ' : '', capacity === 'spot' ? element('span', { class: 'tag spot' }, 'spot') : ''),
    element('td', {}, zone), element('td', {}, poolName(poolOf(tile))), element('td', {}, stepTag(tile, clusterNow(model))),
    gauge('cpu'), gauge('memory'),
    element('td', { class: 'number' }, count(blocks.reduce((sum, [, pods, , isPlanned]) => sum + (isPlanned ? 0 : pods), 0))),
    element('td', { class: 'number' }, price === null ? '–' : usd(price)));
}

/* Legend */

let legendText = '';
function showLegend() {
  const pods = new Map();
  for (const { blocks } of model.nodes.values()) {
    for (const [workload, each] of blocks) if (workload >= 0) pods.set(workload, (pods.get(workload) ?? 0) + each);
  }
  const all = [...pods].sort(([a, x], [b, y]) => y - x || a - b);
  const shown = (chosen.legendAll ? all : all.slice(0, legendAtFirst)).sort(([a], [b]) => a - b);
  const text = JSON.stringify([shown, all.length, chosen.workload, chosen.legendAll]);
  if (text === legendText) return;
  legendText = text;
  const focused = document.activeElement?.dataset?.workload;
  const items = shown.map(([workload, each]) => element('li', {}, element('button', {
    type: 'button', 'aria-pressed': String(chosen.workload === workload), 'data-workload': workload, title: model.workloads[workload],
    onclick: () => choose({ workload: chosen.workload === workload ? undefined : workload }),
  }, swatch(workload), element('span', { class: 'name' }, model.workloads[workload]), element('small', {}, count(each)))));
  if (shown.length < all.length) items.push(element('li', {}, element('button', { type: 'button', onclick: () => choose({ legendAll: true }) }, `${count(all.length - shown.length)} more`)));
  byId('legend').replaceChildren(...items);
  if (focused !== undefined) byId('legend').querySelector(`[data-workload="${focused}"]`)?.focus({ preventScroll: true });
}

/* Tooltip */

function showTip(tile, block, event) {
  if (event.pointerType === 'touch') return;
  const tip = byId('tip');
  const place = [tile.type, tile.zone, tile.capacity].filter(Boolean).join(' · ');
  const parts = [element('b', {}, tile.name), place, element('br'), `${stepWords[tile.step]} for ${duration(clusterNow(model) - tile.sinceMs)}${tile.price === null ? '' : ` · ${usd(tile.price)} /h`}`, element('br'), tile.use.map(([resource, used, whole]) => `${shortName(resource)} ${percent(used / whole)}`).slice(0, 3).join(', ')];
  if (tile.trouble !== '') parts.push(element('p', { class: 'trouble' }, tile.trouble));
  if (block !== undefined) {
    const [workload, pods, permille, isPlanned] = block;
    const name = workload === -1 ? 'DaemonSets' : (model.workloads[workload] ?? 'other workloads');
    parts.push(element('p', { class: 'block-words' }, swatch(workload), ` ${name}: ${plural(pods, 'pod')}${isPlanned ? ' to come' : ''}, ${percent(permille / 1000)} of the node each`));
  }
  tip.replaceChildren(...parts);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 12 : event.clientY + 16}px`;
}

function hideTip() {
  byId('tip').hidden = true;
}
