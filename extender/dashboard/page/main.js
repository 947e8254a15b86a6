/**
 * The dashboard: follows the stream and hands what has changed to the parts of the page.
 *
 * Changes of one frame are drawn together; a page in the background draws nothing until it is looked
 * at again.
 */
import { showSeries, startChart } from './chart.js';
import { keepDetail, startDetail } from './detail.js';
import { showAbout, showTime, showTotals } from './figures.js';
import { showFleet, startFleet } from './fleet.js';
import { follow } from './live.js';
import { showLog, startLog } from './log.js';
import { showPending, tickPending } from './pending.js';
import { byId, clock, say } from './words.js';

const tickMs = 1_000;
const parts = new Set();
const tiles = new Set();
let frame = 0;

const model = follow({
  changed: (_model, changedParts, changedTiles) => {
    for (const part of changedParts) parts.add(part);
    for (const id of changedTiles) tiles.add(id);
    frame ||= requestAnimationFrame(draw);
  },
  link: showLink,
});
startChart();
startDetail();
startFleet(model);
startLog(model);
setInterval(() => {
  showTime(model);
  tickPending(model);
}, tickMs);

function draw() {
  frame = 0;
  const has = (...names) => names.some((name) => parts.has(name));
  document.body.classList.remove('waiting');
  if (has('about')) showAbout(model);
  if (has('totals', 'about')) showTotals(model);
  if (has('series')) showSeries(model);
  if (has('pending', 'workloads')) showPending(model);
  if (has('nodes', 'workloads')) showFleet([...tiles]);
  if (has('decisions')) showLog();
  keepDetail(model);
  showTime(model);
  parts.clear();
  tiles.clear();
}

function showLink(state) {
  const isLost = state === 'lost';
  say(byId('link'), isLost ? 'reconnecting' : 'live');
  byId('link').classList.toggle('weak', isLost);
  document.body.classList.toggle('stale', isLost);
  const lost = byId('lost');
  lost.hidden = !isLost;
  if (!isLost) return;
  const when = model.timeMs === undefined ? '' : ` What you see is from ${clock(model.timeMs, model.about.speed !== null)} on the cluster's clock.`;
  say(lost, `The connection is gone; trying again.${when}`);
}
