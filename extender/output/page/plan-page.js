/**
 * Draws the plan page in the browser: shelves of bins, legend, filters, tooltip, node dialog.
 *
 * In: the JSON in the element #plan (see plan-drawing.ts). Out: DOM, drawn shelf by shelf as it
 * scrolls into view. It loads nothing and sets no inline styles in markup, so that the page runs
 * under a policy that forbids both.
 */
const drawing = JSON.parse(document.getElementById('plan').textContent);
const { resources, workloads, shapes, shelves } = drawing;
const byId = (id) => document.getElementById(id);

/** Bins drawn per shelf before the reader asks for more, and per further request. */
const binsAtFirst = 48;
/** Legend entries before the reader asks for all. */
const legendAtFirst = 16;
/** Cells drawn one by one in a slab; beyond, they would be thinner than their borders. */
const cellsPerSlabMax = 400;
const colourCount = 24;
/** Pixels of bins that a shelf of half a row holds. */
const halfShelfWidth = 350;

const state = { pool: '', type: '', capacity: '', zone: '', text: '', workload: -1 };

const element = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
};
const drawn = (name, attributes = {}, ...children) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const count = (number) => number.toLocaleString('en-US');
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;
const usd = (number) => `$${number.toLocaleString('en-US', { minimumFractionDigits: number < 10 ? 4 : 2, maximumFractionDigits: number < 10 ? 4 : 2 })}`;
const percent = (ratio) => `${(ratio * 100).toFixed(ratio > 0 && ratio < 0.0995 ? 1 : 0)} %`;
const shortName = (resource) => (resource === 'ephemeral-storage' ? 'storage' : resource.slice(resource.indexOf('/') + 1));
const isBytes = (resource) => resource === 'memory' || resource === 'ephemeral-storage' || resource.startsWith('hugepages-');
const amount = (resource, value) => {
  if (resource === 'cpu') return value % 1000 === 0 ? count(value / 1000) : value < 1000 ? `${value}m` : (value / 1000).toFixed(2);
  if (!isBytes(resource)) return count(value);
  return value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(value % 2 ** 30 === 0 ? 0 : 1)} GiB` : `${Math.round(value / 2 ** 20)} MiB`;
};
const requestText = (requests) =>
  Object.entries(requests)
    .filter(([resource, value]) => resource !== 'pods' && value > 0)
    .map(([resource, value]) => `${shortName(resource)} ${amount(resource, value)}`)
    .join(' · ') || 'no requests';
const colourOf = (workload) => `w${workload % colourCount}`;
const workloadOf = (shape) => shapes[shape].workload;

/* Geometry: a squarified treemap of slabs, and cells of equal area within a slab. */

/** Cuts `box` into one rectangle per item, areas in proportion, as square as a greedy row split gets. */
function squarify(items, box) {
  const out = [];
  const queue = [...items].sort((a, b) => b.area - a.area);
  let { x, y, w, h } = box;
  let left = queue.reduce((sum, { area }) => sum + area, 0);
  while (queue.length > 0 && left > 0) {
    const side = Math.min(w, h);
    const scale = (w * h) / left;
    const worst = (sum, large, small) => Math.max((side * side * large) / (sum * sum), (sum * sum) / (side * side * small));
    let size = 1;
    let sum = queue[0].area * scale;
    while (size < queue.length) {
      const next = queue[size].area * scale;
      if (worst(sum + next, queue[0].area * scale, next) > worst(sum, queue[0].area * scale, queue[size - 1].area * scale)) break;
      sum += next;
      size += 1;
    }
    const depth = sum / side;
    let offset = 0;
    for (const item of queue.splice(0, size)) {
      const length = (item.area * scale) / depth;
      out.push(w >= h ? { item, x, y: y + offset, w: depth, h: length } : { item, x: x + offset, y, w: length, h: depth });
      offset += length;
      left -= item.area;
    }
    if (w >= h) { x += depth; w -= depth; } else { y += depth; h -= depth; }
  }
  return out;
}

/** Path of `cells` rectangles of equal area that fill the box. */
function cellPath({ x, y, w, h }, cells) {
  const shown = cells > cellsPerSlabMax || (w * h) / cells < 9 ? 1 : cells;
  const rows = Math.max(1, Math.min(shown, Math.round(Math.sqrt((shown * h) / w))));
  let path = '';
  let done = 0;
  let top = y;
  for (let row = 0; row < rows; row += 1) {
    const inRow = Math.floor((shown * (row + 1)) / rows) - done;
    const height = (h * inRow) / shown;
    const width = w / inRow;
    for (let cell = 0; cell < inRow; cell += 1) {
      path += `M${(x + cell * width).toFixed(1)} ${top.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h-${width.toFixed(1)}z`;
    }
    done += inRow;
    top += height;
  }
  return path;
}

function binPicture(bin, width, height) {
  const shares = bin.slabs.map(([shape, pods, share]) => ({ shape, pods, area: Math.max(pods * share, 1e-4) }));
  const items = bin.overheadShare > 0 ? [...shares, { shape: -1, pods: 1, area: bin.overheadShare }] : shares;
  const filled = Math.min(1, Math.max(0.01, ...bin.used));
  const picture = drawn('svg', { width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  picture.append(drawn('rect', { class: 'floor', width, height }));
  // Free capacity stays as a strip at the top, like air above what is stowed.
  const box = { x: 0, y: height * (1 - filled), w: width, h: height * filled };
  for (const slab of squarify(items, box)) {
    const { shape, pods } = slab.item;
    const path = drawn('path', { d: cellPath(slab, pods), class: shape < 0 ? 'daemons' : colourOf(workloadOf(shape)) });
    path.dataset.shape = shape;
    path.dataset.pods = pods;
    picture.append(path);
  }
  picture.append(drawn('rect', { class: 'rim', x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 5.5 }));
  return picture;
}

function gauges(shelf, ratios) {
  const list = element('dl', { class: 'gauges' });
  resources.forEach((resource, index) => {
    // Devices and storage are told only where they are used.
    if (shelf.allocatable[index] === 0 || (ratios[index] === 0 && index > 1)) return;
    const bar = drawn('svg', { viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    bar.append(drawn('rect', { width: Math.min(100, ratios[index] * 100).toFixed(2), height: 1 }));
    list.append(element('dt', {}, shortName(resource)), element('dd', { class: 'track' }, bar), element('dd', { class: 'value' }, percent(ratios[index])));
  });
  return list;
}

/* Shelves */

function matches(shelf, bin) {
  if (state.pool && shelf.nodePool !== state.pool) return false;
  if (state.type && shelf.instanceType !== state.type) return false;
  if (state.capacity && (shelf.existing ? 'existing' : shelf.capacityType) !== state.capacity) return false;
  if (state.zone && bin.zone !== state.zone) return false;
  if (state.workload >= 0 && !bin.slabs.some(([shape]) => workloadOf(shape) === state.workload)) return false;
  if (!state.text) return true;
  return (
    bin.names.some((name) => name.includes(state.text)) ||
    bin.pods.some((pod) => pod.includes(state.text)) ||
    bin.slabs.some(([shape]) => workloads[workloadOf(shape)].name.includes(state.text))
  );
}

function sizeOf(shelf) {
  // Area in proportion to vCPUs, within what a screen can show and a finger can hit.
  const cores = shelf.allocatable[0] / 1000;
  const width = Math.round(Math.min(240, Math.max(84, 28 * Math.sqrt(cores))));
  return [width, Math.round(width * 0.72)];
}

function binButton(shelf, bin) {
  const [width, height] = sizeOf(shelf);
  const pods = bin.slabs.reduce((sum, [, n]) => sum + n, 0);
  const label = `${shelf.instanceType || bin.names[0]} in ${bin.zone}, ${plural(bin.names.length, 'node')} with ${plural(pods, 'pod')} each, cpu ${percent(bin.used[0])}, memory ${percent(bin.used[1])}`;
  const button = element('button', { class: 'bin', type: 'button', 'aria-label': label, onclick: () => openNode(shelf, bin) }, binPicture(bin, width, height));
  if (bin.names.length > 1) button.append(element('span', { class: 'copies', 'aria-hidden': 'true' }, `×${count(bin.names.length)}`));
  button.addEventListener('pointermove', (event) => showTip(event, shelf, bin, event.target.dataset ?? {}));
  button.addEventListener('pointerleave', hideTip);
  return button;
}

function fillBins(host, shelf, bins, from) {
  const upTo = Math.min(bins.length, from + binsAtFirst);
  for (const bin of bins.slice(from, upTo)) host.append(binButton(shelf, bin));
  if (upTo < bins.length) {
    const more = element('button', { class: 'more', type: 'button', onclick: () => { more.remove(); fillBins(host, shelf, bins, upTo); } }, `${count(bins.length - upTo)} more kinds of contents`);
    host.append(more);
  }
  light();
}

const shelfObserver = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    shelfObserver.unobserve(target);
    target.draw();
  }
}, { rootMargin: '600px' });

function shelfCard(shelf, bins) {
  const nodes = bins.reduce((sum, { names }) => sum + names.length, 0);
  const cost = bins.reduce((sum, { names, pricePerHour }) => sum + names.length * pricePerHour, 0);
  const used = resources.map((_, index) => bins.reduce((sum, bin) => sum + bin.used[index] * bin.names.length, 0) / nodes);
  const prices = bins.map(({ pricePerHour }) => pricePerHour);
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const each = low === high ? usd(low) : `${usd(low)} to ${usd(high)}`;
  const zones = [...new Set(bins.map(({ zone }) => zone))].filter(Boolean).sort(byText);
  const tags = element('div', { class: 'tags' });
  const tag = (text, kind = '') => text && tags.append(element('span', { class: `tag ${kind}` }, text));
  tag(shelf.existing ? 'existing' : shelf.capacityType, shelf.existing ? 'existing' : shelf.capacityType);
  tag(shelf.nodePool && `pool ${shelf.nodePool}`);
  for (const zone of zones) tag(zone);
  const host = element('div', { class: 'bins' });
  // A shelf with little on it takes half a row, so that a plan of many kinds stays short.
  const half = bins.length * (sizeOf(shelf)[0] + 10) <= halfShelfWidth;
  const card = element('article', { class: half ? 'shelf card half' : 'shelf card' },
    element('div', {},
      element('h3', {}, shelf.instanceType || 'existing node', element('span', { class: 'times' }, ` × ${count(nodes)}`)),
      element('p', { class: 'money' }, shelf.existing ? 'already there, no new cost' : nodes === 1 ? `${usd(cost)} /h` : `${usd(cost)} /h, ${each} each`),
      tags,
      gauges(shelf, used)),
    host);
  card.draw = () => fillBins(host, shelf, bins, 0);
  shelfObserver.observe(card);
  return card;
}

function render() {
  const host = byId('shelves');
  let nodes = 0;
  let cost = 0;
  const cards = [];
  for (const shelf of shelves) {
    const bins = shelf.bins.filter((bin) => matches(shelf, bin));
    if (bins.length === 0) continue;
    for (const { names, pricePerHour } of bins) {
      nodes += names.length;
      cost += names.length * pricePerHour;
    }
    cards.push(shelfCard(shelf, bins));
  }
  host.replaceChildren(...(cards.length > 0 ? cards : [element('p', { class: 'card quiet' }, shelves.length === 0 ? 'This plan needs no nodes.' : 'No node matches these filters.')]));
  byId('shown').textContent = `${plural(nodes, 'node')} shown, ${usd(cost)} /h`;
  light();
}

/** Dims every pod but those of the chosen workload. */
function light() {
  byId('shelves').classList.toggle('highlighting', state.workload >= 0);
  if (state.workload < 0) return;
  for (const path of byId('shelves').querySelectorAll('path[data-shape]')) {
    const shape = Number(path.dataset.shape);
    path.classList.toggle('lit', shape >= 0 && workloadOf(shape) === state.workload);
  }
}

/* Legend and tools */

function renderLegend(all) {
  const shown = all ? workloads : workloads.slice(0, legendAtFirst);
  const items = shown.map(({ name, pods }, index) => {
    const choose = () => { state.workload = state.workload === index ? -1 : index; renderLegend(all || index >= legendAtFirst); render(); };
    const button = element('button', { type: 'button', 'aria-pressed': String(state.workload === index), title: name, onclick: choose },
      element('span', { class: `swatch ${colourOf(index)}` }), element('span', { class: 'name' }, name), element('small', {}, count(pods)));
    return element('li', {}, button);
  });
  if (shown.length < workloads.length) {
    items.push(element('li', {}, element('button', { type: 'button', onclick: () => renderLegend(true) }, `${count(workloads.length - shown.length)} more`)));
  }
  byId('legend').replaceChildren(...items);
}

function fillSelect(id, key, values, all) {
  const select = byId(id);
  select.append(element('option', { value: '' }, all), ...[...new Set(values)].filter(Boolean).sort(byText).map((value) => element('option', { value }, value)));
  select.addEventListener('change', () => { state[key] = select.value; render(); });
}

/* Tooltip */

function showTip(event, shelf, bin, { shape, pods }) {
  if (event.pointerType === 'touch') return;
  const tip = byId('tip');
  const lines = [];
  if (shape === undefined) lines.push(element('b', {}, bin.names.length === 1 ? bin.names[0] : `${count(bin.names.length)} nodes alike`), `${plural(bin.slabs.reduce((sum, [, n]) => sum + n, 0), 'pod')}; the empty part is free`);
  else if (Number(shape) < 0) lines.push(element('b', {}, 'DaemonSets'), 'what every node of this kind carries beside its pods');
  else lines.push(element('b', {}, workloads[workloadOf(Number(shape))].name), `${plural(Number(pods), 'pod')}, each ${requestText(shapes[Number(shape)].requests)}`);
  lines.push(element('br'), `${shelf.instanceType} ${bin.zone} · ${resources.slice(0, 2).map((resource, index) => `${resource} ${percent(bin.used[index])}`).join(', ')}`);
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
  tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 12 : event.clientY + 16}px`;
}
function hideTip() { byId('tip').hidden = true; }

/* Dialog of a node */

const table = (heads, rows) =>
  element('div', { class: 'scroll' }, element('table', {},
    element('thead', {}, element('tr', {}, ...heads.map(([text, kind]) => element('th', { class: kind, scope: 'col' }, text)))),
    element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells.map((cell, index) => element('td', { class: heads[index][1] }, cell)))))));

function openNode(shelf, bin) {
  hideTip();
  const dialog = byId('node');
  const title = bin.names.length === 1 ? bin.names[0] : `${count(bin.names.length)} nodes alike`;
  const offer = [shelf.instanceType, bin.zone, shelf.existing ? 'existing' : shelf.capacityType, shelf.nodePool && `pool ${shelf.nodePool}`].filter(Boolean).join(' · ');
  const parts = [
    element('header', {}, element('div', {}, element('h2', {}, title), element('p', { class: 'quiet' }, shelf.existing ? offer : `${offer} · ${usd(bin.pricePerHour)} /h${bin.names.length > 1 ? ' each' : ''}`)), element('button', { type: 'button', onclick: () => dialog.close() }, 'Close')),
    gauges(shelf, bin.used),
    element('h3', {}, 'Pods on each node'),
    table([['Workload', ''], ['Each asks for', ''], ['Pods', 'number']], bin.slabs.map(([shape, pods]) => [swatched(workloadOf(shape)), requestText(shapes[shape].requests), count(pods)])),
  ];
  if (bin.substitutes.length > 0) {
    parts.push(element('h3', {}, 'If this capacity is not to be had'), table([['Instance type', ''], ['Zone', ''], ['Capacity', ''], ['Per hour', 'number'], ['Extra', 'number']], bin.substitutes.map((other) => [other.instanceType, other.zone, other.capacityType, usd(other.pricePerHour), `+${percent(other.pricePerHour / bin.pricePerHour - 1)}`])));
  }
  if (bin.names.length > 1) parts.push(list(plural(bin.names.length, 'node name'), bin.names));
  if (bin.pods.length > 0) parts.push(list(plural(bin.pods.length, 'pod name'), bin.pods));
  byId('node-inside').replaceChildren(...parts);
  dialog.showModal();
}
const swatched = (workload) => element('span', {}, element('span', { class: `swatch ${colourOf(workload)}` }), ` ${workloads[workload].name}`);
const list = (title, names) => element('details', {}, element('summary', {}, title), element('ul', { class: 'pods mono' }, ...names.map((name) => element('li', {}, name))));

/* Start */

const binsOf = (key) => shelves.flatMap((shelf) => shelf.bins.map((bin) => bin[key]));
fillSelect('pool', 'pool', shelves.map(({ nodePool }) => nodePool), 'all pools');
fillSelect('type', 'type', shelves.map(({ instanceType }) => instanceType), 'all types');
fillSelect('capacity', 'capacity', shelves.map(({ existing, capacityType }) => (existing ? 'existing' : capacityType)), 'all');
fillSelect('zone', 'zone', binsOf('zone'), 'all zones');
byId('search').addEventListener('input', (event) => { state.text = event.target.value.trim(); render(); });
byId('node').addEventListener('click', (event) => { if (event.target === byId('node')) byId('node').close(); });
byId('tools').hidden = false;
renderLegend(false);
render();
