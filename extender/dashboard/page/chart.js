/**
 * Cost, proven least and first-fit over time, and below them the pods that run and wait.
 *
 * In: the series. Out: one SVG as wide as its place. The pointer, or the arrow keys, read it off.
 */
import { byId, clock, count, drawn, element, usd } from './words.js';

const heights = { cost: 168, gap: 16, pods: 54, axis: 20 };
const left = 58;
const right = 12;
const columns = { time: 0, cost: 1, bound: 2, firstFit: 3, pending: 4, running: 5 };
const pointsMin = 2;
/** Waiting pods stand upon those that run. */
const together = (point) => point[columns.running] + point[columns.pending];

let series = [];
let isSimulated = false;
let frame;
let read = -1;

export function startChart() {
  new ResizeObserver(() => draw()).observe(byId('chart'));
}

export function showSeries(model) {
  series = model.series;
  isSimulated = model.about.speed !== null;
  draw();
}

function draw() {
  const host = byId('chart');
  const width = host.clientWidth;
  if (width === 0) return;
  if (series.length < pointsMin) {
    host.replaceChildren(element('p', { class: 'quiet empty' }, 'The curves begin in a few seconds.'));
    byId('key').replaceChildren();
    frame = undefined;
    return;
  }
  const values = (column) => series.map((point) => point[column]).filter((value) => value !== null);
  const top = ticksUpTo(Math.max(0.01, ...values(columns.cost), ...values(columns.firstFit)));
  const most = ticksUpTo(Math.max(1, ...series.map((point) => point[columns.running] + point[columns.pending])));
  const [from, to] = [series[0][0], series.at(-1)[0]];
  const podsTop = heights.cost + heights.gap;
  frame = {
    width,
    x: (ms) => left + ((ms - from) / Math.max(1, to - from)) * (width - left - right),
    cost: (value) => 8 + (1 - value / top.at(-1)) * (heights.cost - 8),
    pods: (value) => podsTop + (1 - value / most.at(-1)) * heights.pods,
  };
  const height = podsTop + heights.pods + heights.axis;
  const label = `Cost over time. Now ${usd(series.at(-1)[columns.cost])} per hour, ${count(series.at(-1)[columns.pending])} pods waiting.`;
  const picture = drawn('svg', { class: 'curves', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, tabindex: 0 });
  for (const value of top) picture.append(...gridLine(frame.cost(value), value === 0 ? '$0' : shortUsd(value)));
  for (const value of [0, most.at(-1)]) picture.append(...gridLine(frame.pods(value), count(value)));
  picture.append(...timeTicks(from, to, height));
  const hasPlans = values(columns.firstFit).length > 0;
  if (hasPlans) picture.append(drawn('path', { class: 'saved', d: between(columns.firstFit, columns.cost) }));
  picture.append(drawn('path', { class: 'area-pending', d: area(together, frame.pods) }), drawn('path', { class: 'area-running', d: area(columns.running, frame.pods) }));
  if (hasPlans) picture.append(line(columns.firstFit, 'line-first-fit'), line(columns.bound, 'line-bound'));
  picture.append(line(columns.cost, 'line-plan'), drawn('g', { id: 'reading' }));
  picture.addEventListener('pointermove', (event) => readAt(nearest(event.clientX - picture.getBoundingClientRect().left)));
  picture.addEventListener('pointerleave', () => readAt(-1));
  picture.addEventListener('blur', () => readAt(-1));
  picture.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    readAt(Math.min(series.length - 1, Math.max(0, (read < 0 ? series.length : read) + step)));
  });
  const hadFocus = host.contains(document.activeElement);
  host.replaceChildren(picture);
  if (hadFocus) picture.focus({ preventScroll: true });
  readAt(read < series.length ? read : -1);
}

/** The steps of a scale that ends at or above `most`: 1, 2 or 5 times a power of ten. */
function ticksUpTo(most) {
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => index * step);
}

const shortUsd = (value) => `$${Number(value.toPrecision(3))}`;

function gridLine(y, text) {
  return [drawn('line', { class: 'axis', x1: left, x2: frame.width - right, y1: y, y2: y }), drawn('text', { x: left - 8, y: y + 4, 'text-anchor': 'end' }, text)];
}

function timeTicks(from, to, height) {
  const shown = Math.max(2, Math.min(7, Math.floor((frame.width - left) / 120)));
  return Array.from({ length: shown }, (_, index) => {
    const ms = from + ((to - from) * index) / (shown - 1);
    const anchor = index === 0 ? 'start' : index === shown - 1 ? 'end' : 'middle';
    const text = clock(ms, isSimulated);
    return drawn('text', { x: frame.x(ms), y: height - 3, 'text-anchor': anchor }, to - from > 600_000 ? text.slice(0, 5) : text);
  });
}

const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A curve in steps, since figures hold until the next one; gaps where nothing is known. */
function line(column, kind) {
  let d = '';
  let y;
  for (const point of series) {
    if (point[column] === null) {
      y = undefined;
      continue;
    }
    const [x, next] = [frame.x(point[0]), frame.cost(point[column])];
    d += y === undefined ? `M${at(x, next)}` : `L${at(x, y)}L${at(x, next)}`;
    y = next;
  }
  return drawn('path', { class: kind, d });
}

/** The course of a column, or of what a function makes of a point. */
function stepsOf(points, column, scale) {
  const valueOf = typeof column === 'function' ? column : (point) => point[column];
  return points.flatMap((point, index) => {
    const x = frame.x(point[0]);
    const y = scale(valueOf(point));
    return index === 0 ? [at(x, y)] : [at(x, scale(valueOf(points[index - 1]))), at(x, y)];
  });
}

function area(column, scale) {
  return `M${at(frame.x(series[0][0]), scale(0))}L${stepsOf(series, column, scale).join('L')}L${at(frame.x(series.at(-1)[0]), scale(0))}Z`;
}

function between(upper, lower) {
  const points = series.filter((point) => point[upper] !== null);
  return `M${stepsOf(points, upper, frame.cost).join('L')}L${stepsOf(points, lower, frame.cost).reverse().join('L')}Z`;
}

function nearest(x) {
  let best = 0;
  for (let index = 1; index < series.length; index += 1) {
    if (Math.abs(frame.x(series[index][0]) - x) < Math.abs(frame.x(series[best][0]) - x)) best = index;
  }
  return best;
}

/** Shows the figures of one moment in the key; of the last one while nothing is pointed at. */
function readAt(index) {
  read = index;
  const point = series.at(index);
  const mark = document.getElementById('reading');
  mark?.replaceChildren(...(index < 0 ? [] : [drawn('line', { class: 'cursor', x1: frame.x(point[0]), x2: frame.x(point[0]), y1: 4, y2: heights.cost + heights.gap + heights.pods }), drawn('circle', { class: 'dot', cx: frame.x(point[0]), cy: frame.cost(point[columns.cost]), r: 4 })]));
  const entry = (kind, name, text) => element('span', {}, drawn('svg', { viewBox: '0 0 26 8', 'aria-hidden': 'true' }, drawn('line', { class: kind, x1: 0, y1: 4, x2: 26, y2: 4 })), `${name} `, element('b', {}, text));
  byId('key').replaceChildren(
    ...(index < 0 ? [] : [element('span', { class: 'when' }, clock(point[0], isSimulated))]),
    entry('line-plan', 'cost', usd(point[columns.cost])),
    ...(point[columns.bound] === null ? [] : [entry('line-bound', 'proven least', usd(point[columns.bound]))]),
    ...(point[columns.firstFit] === null ? [] : [entry('line-first-fit', 'first-fit', usd(point[columns.firstFit]))]),
    entry('line-running', 'pods running', count(point[columns.running])),
    entry('line-pending', 'waiting', count(point[columns.pending])),
  );
}
