/** The dialog of one node: its pods, conditions and decisions, fetched when it is opened and when the node changes. */
import { clusterNow } from './live.js';
import { amount, byId, clock, duration, element, percent, plural, say, shortName, stepTag, swatch, usd } from './words.js';

const refetchMs = 1_500;
const opened = { id: undefined, tile: undefined, timer: undefined };

export function startDetail() {
  const dialog = byId('node');
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('close', () => {
    clearTimeout(opened.timer);
    opened.id = undefined;
  });
}

export function openNode(model, id) {
  Object.assign(opened, { id, tile: model.nodes.get(id) });
  byId('node-inside').replaceChildren(element('header', {}, element('h2', { id: 'node-name' }, opened.tile.name)));
  byId('node').showModal();
  void load(model);
}

/** To be called on every change: an open dialog keeps up. */
export function keepDetail(model) {
  if (opened.id === undefined || model.nodes.get(opened.id) === opened.tile) return;
  opened.tile = model.nodes.get(opened.id);
  clearTimeout(opened.timer);
  opened.timer = setTimeout(() => load(model), refetchMs);
}

async function load(model) {
  const { id } = opened;
  try {
    const answer = await fetch(`api/v1/nodes/${encodeURI(id)}`);
    if (opened.id !== id) return;
    const tile = model.nodes.get(id);
    if (answer.ok && tile !== undefined) show(model, tile, await answer.json());
    else note('This node is gone.');
  } catch {
    if (opened.id === id) note('The server did not answer. What is shown may be old.');
  }
}

function note(text) {
  const inside = byId('node-inside');
  const line = inside.querySelector('.note') ?? inside.appendChild(element('p', { class: 'note quiet' }));
  say(line, text);
}

function show(model, tile, detail) {
  const now = clusterNow(model);
  const isSimulated = model.about.speed !== null;
  const facts = [tile.type, tile.zone, tile.capacity, tile.pool && `pool ${tile.pool}`, tile.price !== null && `${usd(tile.price)} /h`].filter(Boolean).join(' · ');
  const numberOf = new Map(model.workloads.map((name, index) => [name, index]));
  const pods = detail.pods.map(({ name, workload, asks, phase, createdMs }) => [
    element('span', {}, swatch(numberOf.get(workload) ?? -2), ` ${name}`), asks, phase, duration(now - createdMs)]);
  const conditions = detail.conditions.map(({ type, status, reason, message, sinceMs }) => [type, status, [reason === type ? '' : reason, message].filter(Boolean).join(': '), sinceMs === 0 ? '' : duration(now - sinceMs)]);
  const decisions = detail.decisions.toReversed().map(({ timeMs, outcome, reason }) => [clock(timeMs, isSimulated), outcome, reason]);
  byId('node-inside').replaceChildren(
    element('header', {}, element('div', {}, element('h2', { id: 'node-name' }, tile.name), element('p', { class: 'quiet' }, facts), element('p', {}, stepTag(tile, now))),
      element('button', { type: 'button', onclick: () => byId('node').close() }, 'Close')),
    tile.trouble === '' ? '' : element('p', { class: 'trouble' }, tile.trouble),
    gauges(tile),
    element('h3', {}, plural(pods.length, 'pod')),
    pods.length === 0 ? element('p', { class: 'quiet' }, 'None.') : table([['Pod', ''], ['Asks for', ''], ['Phase', ''], ['Age', 'number']], pods),
    element('h3', {}, 'Conditions'),
    table([['Condition', ''], ['Status', ''], ['Why', ''], ['For', 'number']], conditions),
    ...(decisions.length === 0 ? [] : [element('h3', {}, 'Decisions'), table([['Time', ''], ['Outcome', ''], ['Reason', '']], decisions)]),
    ...(detail.taints.length === 0 ? [] : [element('h3', {}, 'Taints'), element('p', { class: 'mono' }, detail.taints.join(', '))]),
    element('p', { class: 'quiet mono ids' }, [detail.claim && `nodeclaim/${detail.claim}`, detail.node && `node/${detail.node}`, detail.providerID].filter(Boolean).join('  ')),
  );
}

function gauges({ use }) {
  const list = element('dl', { class: 'gauges' });
  for (const [resource, used, whole] of use) {
    const bar = element('span', { class: 'mini', 'aria-hidden': 'true' }, element('i'));
    bar.firstChild.style.width = `${Math.min(100, (used / whole) * 100).toFixed(1)}%`;
    list.append(element('dt', {}, shortName(resource)), element('dd', {}, bar), element('dd', { class: 'value' }, `${amount(resource, used)} of ${amount(resource, whole)}, ${percent(used / whole)}`));
  }
  return list;
}

const table = (heads, rows) =>
  element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ...heads.map(([text, kind]) => element('th', { class: kind, scope: 'col' }, text)))),
    element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells.map((cell, index) => element('td', { class: heads[index][1] }, cell)))))));
