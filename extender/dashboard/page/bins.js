/**
 * A canvas of bins: where each node stands, how it moves there, what is under the pointer.
 *
 * In: the tiles of one group, in order, and a size. Out: a picture that follows them. Few nodes are
 * large and glide to their places; thousands are small and are only painted where they changed.
 */
import { colours, fillOf, paintNode, slabsOf } from './paint.js';
import { duration, stepWords } from './words.js';

/** Up to so many nodes of all groups: how large, how much detail, room for words below. */
export const sizes = [
  { upTo: 36, scale: 1.15, detail: 'pods', words: 30, gap: 14 },
  { upTo: 90, scale: 0.85, detail: 'pods', words: 16, gap: 10 },
  { upTo: 220, scale: 0.62, detail: 'pods', words: 0, gap: 8 },
  { upTo: 900, scale: 0.34, detail: 'blocks', words: 0, gap: 5 },
  { upTo: Infinity, scale: 0, detail: 'bars', words: 0, gap: 2 },
];
const barSide = { w: 13, h: 13 };
/** In so long two thirds of the way left are gone, however seldom the browser draws. */
const settleMs = 80;
const motionMax = 120;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class BinCanvas {
  #canvas;
  #context;
  #handlers;
  #tiles = [];
  /** Id -> { tile, place (where it goes), now (where it is), alpha, fill, slabs, isGone }. */
  #bins = new Map();
  #size = sizes[0];
  #lit;
  #chosen = -1;
  #isAsked = false;
  /** When the last step of a motion was made; Infinity at rest. */
  #movedMs = Infinity;
  #height = 0;
  #width = 0;
  #stale = new Set();

  /** @param handlers { over(tile, block, event), out(), open(tile), choose(tile) } */
  constructor(canvas, handlers) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#handlers = handlers;
    canvas.addEventListener('pointermove', (event) => this.#point(event));
    canvas.addEventListener('pointerleave', () => handlers.out());
    canvas.addEventListener('click', (event) => {
      const bin = this.#at(event);
      if (bin !== undefined) handlers.open(bin.tile);
    });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.#choose(-1));
  }

  /** Shows these tiles. `changed` names those that differ, undefined for all. */
  show(tiles, size, lit, changed) {
    const isSame = this.#size === size && this.#lit === lit && tiles.length === this.#tiles.length && tiles.every((tile, index) => tile.id === this.#tiles[index].id);
    const isFirst = this.#bins.size === 0;
    if (size !== this.#size) for (const bin of this.#bins.values()) bin.slabs = undefined;
    this.#tiles = tiles;
    this.#size = size;
    this.#lit = lit;
    const kept = new Set(tiles.map(({ id }) => id));
    for (const [id, bin] of this.#bins) if (!kept.has(id)) this.#leave(id, bin);
    for (const tile of tiles) {
      const bin = this.#bins.get(tile.id);
      if (bin === undefined) this.#bins.set(tile.id, { tile, now: undefined, alpha: isFirst || this.#isStill ? 1 : 0, fill: fillOf(tile), isGone: false });
      else if (bin.tile !== tile) Object.assign(bin, { tile, slabs: undefined, isGone: false });
    }
    if (isSame && changed !== undefined && this.#width === this.#canvas.clientWidth) for (const id of changed) this.#stale.add(id);
    else this.layout();
    this.#canvas.dataset.nodes = tiles.length;
    this.#ask();
  }

  /** Puts every bin in its place; to be called when the width has changed too. */
  layout() {
    const width = this.#canvas.clientWidth;
    if (width === 0) return;
    const { gap, words } = this.#size;
    let [x, y, rowHeight] = [2, 2, 0];
    for (const tile of this.#tiles) {
      const { w, h } = this.#sideOf(tile, width - 4);
      if (x > 2 && x + w > width - 2) {
        x = 2;
        y += rowHeight + gap;
        rowHeight = 0;
      }
      const bin = this.#bins.get(tile.id);
      bin.place = { x, y, w, h };
      bin.now = this.#isStill ? { ...bin.place } : (bin.now ?? { ...bin.place });
      x += w + gap;
      rowHeight = Math.max(rowHeight, h + words);
    }
    this.#resize(width, Math.ceil(y + rowHeight + 2));
    this.#stale.clear();
    this.#stale.add('*');
    this.#ask();
  }

  repaint() {
    for (const bin of this.#bins.values()) bin.slabs = undefined;
    this.#stale.add('*');
    this.#ask();
  }

  get #isStill() {
    return calm.matches || this.#tiles.length > motionMax;
  }

  #leave(id, bin) {
    if (this.#isStill || bin.now === undefined) this.#bins.delete(id);
    else bin.isGone = true;
  }

  #sideOf({ cpuMilli }, widthMax) {
    const { scale } = this.#size;
    if (scale === 0) return barSide;
    const half = Math.max(100, (widthMax - this.#size.gap) / 2);
    const w = Math.round(Math.min(widthMax, half, scale * Math.min(210, Math.max(74, 27 * Math.sqrt(cpuMilli / 1000)))));
    return { w, h: Math.round(w * 0.72) };
  }

  #resize(width, height) {
    const ratio = devicePixelRatio || 1;
    if (this.#width === width && this.#height === height && this.#canvas.width === Math.round(width * ratio)) return;
    [this.#width, this.#height] = [width, height];
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#canvas.style.height = `${height}px`;
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      this.#draw();
    });
  }

  #draw() {
    if (this.#width === 0) return this.layout();
    const context = this.#context;
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const isMoving = this.#isStill ? false : this.#move();
    if (isMoving || this.#stale.has('*')) {
      context.clearRect(0, 0, this.#width, this.#height);
      for (const bin of this.#bins.values()) this.#paint(bin);
    } else {
      for (const id of this.#stale) this.#repaintOne(this.#bins.get(id));
    }
    this.#stale.clear();
    if (isMoving) {
      this.#stale.add('*');
      this.#ask();
    } else this.#movedMs = Infinity;
  }

  #repaintOne(bin) {
    if (bin?.now === undefined) return;
    const { x, y, w, h } = bin.now;
    this.#context.clearRect(x - 3, y - 3, w + 6, h + 6 + this.#size.words);
    this.#paint(bin);
  }

  /** One step towards where everything belongs; whether anything is still on its way. */
  #move() {
    const nowMs = performance.now();
    const speed = 1 - Math.exp(-Math.max(8, nowMs - this.#movedMs) / settleMs);
    this.#movedMs = nowMs;
    let isMoving = false;
    const ease = (from, to, close) => {
      if (Math.abs(to - from) <= close) return to;
      isMoving = true;
      return from + (to - from) * speed;
    };
    for (const [id, bin] of this.#bins) {
      const { now, place } = bin;
      if (now === undefined || place === undefined) continue;
      bin.alpha = ease(bin.alpha, bin.isGone ? 0 : 1, 0.02);
      if (bin.isGone && bin.alpha === 0) {
        this.#bins.delete(id);
        continue;
      }
      for (const side of ['x', 'y', 'w', 'h']) now[side] = ease(now[side], place[side], 0.4);
      const fill = ease(bin.fill, fillOf(bin.tile), 0.004);
      if (fill !== bin.fill || now.w !== bin.paintedWidth) bin.slabs = undefined;
      bin.fill = fill;
    }
    return isMoving;
  }

  #paint(bin) {
    const { tile, now, alpha } = bin;
    if (now === undefined || alpha === 0) return;
    const { detail, words } = this.#size;
    if (this.#isStill) bin.fill = fillOf(tile);
    if (bin.slabs === undefined || bin.paintedWidth !== now.w) {
      bin.slabs = slabsOf(tile, now.w, now.h, bin.fill, detail);
      bin.paintedWidth = now.w;
    }
    const context = this.#context;
    context.globalAlpha = alpha;
    paintNode(context, tile, bin.slabs, now, { detail, lit: this.#lit, isChosen: this.#tiles[this.#chosen] === tile });
    if (words > 0) this.#label(tile, now);
    context.globalAlpha = 1;
  }

  #label(tile, { x, y, w, h }) {
    const context = this.#context;
    const { text, quiet, accent, warn, alarm } = colours();
    const isReady = tile.step === 'ready';
    const place = [tile.capacity === 'spot' ? 'spot' : '', tile.zone.replace(/^.*-(\d)/, '$1')].filter(Boolean).join(' · ');
    const step = stepWords[tile.step];
    const second = isReady ? place : step;
    const colour = isReady ? quiet : tile.trouble !== '' || tile.step === 'not-ready' ? alarm : tile.step === 'leaving' ? warn : accent;
    const lines = this.#size.words > 20 ? [[tile.type || tile.name, text], [second, colour]] : [[isReady ? tile.type || tile.name : step, isReady ? quiet : colour]];
    context.font = '12px system-ui, sans-serif';
    lines.forEach(([line, fill], index) => {
      context.fillStyle = fill;
      context.fillText(clipped(context, line, w), x, y + h + 13 + index * 14);
    });
  }

  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    for (const bin of this.#bins.values()) {
      const { x, y, w, h } = bin.now ?? { x: 0, y: 0, w: -1, h: -1 };
      if (!bin.isGone && px >= x && px < x + w && py >= y && py < y + h + this.#size.words) return Object.assign(bin, { px: px - x, py: py - y });
    }
    return undefined;
  }

  #point(event) {
    const bin = this.#at(event);
    this.#canvas.classList.toggle('over', bin !== undefined);
    if (bin === undefined) return this.#handlers.out();
    const slab = bin.slabs?.find(({ x, y, w, h }) => bin.px >= x && bin.px < x + w && bin.py >= y && bin.py < y + h);
    this.#handlers.over(bin.tile, slab?.item.block, event);
  }

  #key(event) {
    const last = this.#tiles.length - 1;
    const from = this.#chosen;
    const row = this.#rowStep(from);
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, ArrowDown: from + row, ArrowUp: from - row, Home: 0, End: last }[event.key];
    if (event.key === 'Enter' && this.#tiles[from] !== undefined) {
      event.preventDefault();
      this.#handlers.open(this.#tiles[from]);
    }
    if (to === undefined) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, to)));
    this.#handlers.choose(this.#tiles[this.#chosen]);
  }

  #rowStep(from) {
    const start = this.#bins.get(this.#tiles[from]?.id)?.place.y;
    const inRow = this.#tiles.filter(({ id }) => this.#bins.get(id)?.place?.y === start).length;
    return Math.max(1, inRow);
  }

  #choose(index) {
    if (index === this.#chosen) return;
    this.#chosen = index;
    this.#stale.add('*');
    this.#ask();
  }
}

function clipped(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const short = text.replace('xlarge', 'xl');
  if (context.measureText(short).width <= width) return short;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

/** How a node is named to those who cannot see it. */
export function spoken(tile, nowMs) {
  const pods = tile.blocks.reduce((sum, [, each]) => sum + each, 0);
  const shares = tile.use.slice(0, 2).map(([resource, used, whole]) => `${resource} ${Math.round((used / whole) * 100)} percent`);
  return `${tile.name}, ${tile.type} in ${tile.zone || 'no zone yet'}, ${stepWords[tile.step]} for ${duration(nowMs - tile.sinceMs)}, ${pods} pods, ${shares.join(', ')}`;
}
