/**
 * Draws one node on a canvas.
 *
 * In: a tile, a box, a palette. Out: pixels, and which block is where. The filled height is the
 * share of the resource that is used most; within it blocks are cut as a squarified treemap, and
 * blocks into pods. It knows neither layout nor motion.
 */
import { comingSteps } from './words.js';

const colourCount = 24;
/** Pods drawn one by one in a block; smaller ones would be thinner than their borders. */
const podsPerBlockMax = 200;
const podAreaMin = 22;

let palette;

/** The theme's colours as the browser computes them; read anew when the theme changes. */
export function readPalette() {
  const probe = document.createElement('span');
  document.body.append(probe);
  const computed = (value) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const names = ['bin', 'bin-line', 'card', 'text', 'quiet', 'accent', 'warn', 'good', 'daemon', 'stripe', 'alarm'];
  palette = Object.fromEntries(names.map((name) => [name, computed(`var(--${name})`)]));
  palette.workloads = Array.from({ length: colourCount }, (_, index) => {
    probe.className = `swatch w${index}`;
    return getComputedStyle(probe).backgroundColor;
  });
  probe.remove();
}

export function colourOf(workload) {
  if (workload >= 0) return palette.workloads[workload % colourCount];
  return workload === -1 ? palette.daemon : palette.quiet;
}
export const colours = () => palette;

/** Share of the resource that is used most, planned pods included. */
export function fillOf({ use, blocks }) {
  const bound = Math.max(0, ...use.map(([, used, whole]) => used / whole));
  const planned = blocks.reduce((sum, [, pods, permille, isPlanned]) => sum + isPlanned * pods * permille, 0) / 1000;
  return Math.min(1, bound + planned);
}

/** Cuts the box into one rectangle per item, areas in proportion, as square as a greedy row split gets. */
function squarify(items, box) {
  const out = [];
  const queue = [...items].sort((a, b) => b.area - a.area);
  let { x, y, w, h } = box;
  let left = queue.reduce((sum, { area }) => sum + area, 0);
  while (queue.length > 0 && left > 0 && w > 0 && h > 0) {
    const side = Math.min(w, h);
    const scale = (w * h) / left;
    const worst = (sum, large, small) => Math.max((side * side * large) / (sum * sum), (sum * sum) / (side * side * small));
    const first = queue[0].area * scale;
    let size = 1;
    let sum = first;
    while (size < queue.length) {
      const next = queue[size].area * scale;
      if (worst(sum + next, first, next) > worst(sum, first, queue[size - 1].area * scale)) break;
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
    if (w >= h) {
      x += depth;
      w -= depth;
    } else {
      y += depth;
      h -= depth;
    }
  }
  return out;
}

/** Where each block of a tile lies in a box of `w` times `h` that is filled to `fill`. */
export function slabsOf(tile, w, h, fill, detail) {
  const items = tile.blocks.map((block) => ({ block, area: Math.max(block[1] * block[2], 1) }));
  if (detail === 'bars') return stacked(items, w, h, fill);
  return squarify(items, { x: 0, y: h * (1 - fill), w, h: h * fill });
}

/** One upon the other: all that a few pixels can show. */
function stacked(items, w, h, fill) {
  const whole = items.reduce((sum, { area }) => sum + area, 0);
  let y = h;
  return items.map((item) => {
    const height = (item.area / whole) * h * fill;
    y -= height;
    return { item, x: 0, y, w, h: height };
  });
}

/** @param look { detail: 'pods' | 'blocks' | 'bars', lit: workload to show alone or undefined, isChosen } */
export function paintNode(context, tile, slabs, box, look) {
  const { x, y, w, h } = box;
  if (look.detail === 'bars' && tile.step === 'ready' && !look.isChosen) return paintBar(context, slabs, box, look);
  const isComing = comingSteps.includes(tile.step);
  const radius = look.detail === 'bars' ? 2 : Math.min(6, w / 8);
  context.save();
  context.translate(x, y);
  context.beginPath();
  context.roundRect(0, 0, w, h, radius);
  context.fillStyle = palette.bin;
  context.globalAlpha *= isComing ? 0.5 : tile.step === 'leaving' ? 0.55 : 1;
  context.fill();
  context.save();
  context.clip();
  for (const slab of slabs) paintSlab(context, slab, look);
  if (tile.step === 'leaving') stripes(context, w, h);
  context.restore();
  rim(context, tile, { w, h, radius, isComing, ...look });
  context.restore();
}

/** Thousands of these are painted at once. */
function paintBar(context, slabs, { x, y, w, h }, { lit }) {
  context.fillStyle = palette.bin;
  context.fillRect(x, y, w, h);
  const alpha = context.globalAlpha;
  for (const slab of slabs) {
    const [workload, , , isPlanned] = slab.item.block;
    context.globalAlpha = alpha * (isPlanned ? 0.42 : 1) * (lit === undefined || lit === workload ? 1 : 0.14);
    context.fillStyle = colourOf(workload);
    context.fillRect(x, y + slab.y, w, slab.h);
  }
  context.globalAlpha = alpha;
  context.strokeStyle = palette['bin-line'];
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
}

function paintSlab(context, { item, x, y, w, h }, { detail, lit }) {
  const [workload, pods, , isPlanned] = item.block;
  context.save();
  context.globalAlpha *= (isPlanned ? 0.42 : 1) * (lit === undefined || lit === workload ? 1 : 0.14);
  context.fillStyle = colourOf(workload);
  context.fillRect(x, y, w, h);
  if (workload === -1 && detail !== 'bars') hatch(context, x, y, w, h);
  context.restore();
  if (detail === 'bars') return;
  context.beginPath();
  if (detail === 'pods' && workload !== -1) cells(context, { x, y, w, h }, pods);
  else context.rect(x, y, w, h);
  context.strokeStyle = palette.card;
  context.lineWidth = 1;
  context.stroke();
}

/** As many cells of equal area as there are pods, as far as they can be told apart. */
function cells(context, { x, y, w, h }, pods) {
  const shown = pods > podsPerBlockMax || (w * h) / pods < podAreaMin ? 1 : pods;
  const rows = Math.max(1, Math.min(shown, Math.round(Math.sqrt((shown * h) / w))));
  let done = 0;
  let top = y;
  for (let row = 0; row < rows; row += 1) {
    const inRow = Math.floor((shown * (row + 1)) / rows) - done;
    const height = (h * inRow) / shown;
    for (let cell = 0; cell < inRow; cell += 1) context.rect(x + (cell * w) / inRow, top, w / inRow, height);
    done += inRow;
    top += height;
  }
}

function hatch(context, x, y, w, h) {
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  lines(context, x, y, w, h, 5, palette.stripe, 1.5);
  context.restore();
}

function stripes(context, w, h) {
  lines(context, 0, 0, w, h, 9, palette.card, 3);
}

function lines(context, x, y, w, h, gap, colour, lineWidth) {
  context.beginPath();
  for (let offset = -h; offset < w; offset += gap) {
    context.moveTo(x + offset, y + h);
    context.lineTo(x + offset + h, y);
  }
  context.strokeStyle = colour;
  context.lineWidth = lineWidth;
  context.stroke();
}

function rim(context, { step, trouble }, { w, h, radius, isComing, isChosen, detail }) {
  context.beginPath();
  context.roundRect(0.5, 0.5, w - 1, h - 1, radius);
  context.globalAlpha = Math.min(1, context.globalAlpha * 2);
  const isAlarm = step === 'not-ready' || trouble !== '';
  context.strokeStyle = isAlarm ? palette.alarm : isComing ? palette.accent : palette['bin-line'];
  context.lineWidth = isAlarm || (isComing && detail !== 'bars') ? 1.5 : 1;
  if (isComing) context.setLineDash(detail === 'bars' ? [2, 2] : [5, 4]);
  context.stroke();
  context.setLineDash([]);
  if (!isChosen) return;
  context.beginPath();
  context.roundRect(-2, -2, w + 4, h + 4, radius + 2);
  context.strokeStyle = palette.accent;
  context.lineWidth = 2;
  context.stroke();
}
