/** What waits: one row per workload and reason, and a strip that shows the parts. */
import { clusterNow } from './live.js';
import { byId, count, duration, element, plural, say, swatch } from './words.js';

/** A node may be so much slower than the median without a word. */
const lateMs = 60_000;
const stateWords = {
  stuck: 'no node fits',
  queued: 'to be planned',
  coming: 'node on its way',
  new: 'not tried yet',
  preempting: 'makes room',
  gated: 'held back',
};

export function showPending(model) {
  const { pending, pendingElsewhere, workloads } = model;
  const pods = pending.reduce((sum, one) => sum + one.pods, pendingElsewhere);
  say(byId('pending-sum'), pods === 0 ? '' : plural(pods, 'pod'));
  const body = byId('pending-body');
  body.classList.toggle('calm', pods === 0);
  if (pods === 0) {
    body.replaceChildren(element('p', { class: 'empty' }, element('b', {}, 'Nothing waits.'), ' A pod that no node has room for shows up here, with the reason and how long it has waited.'));
    return;
  }
  const numberOf = new Map(workloads.map((name, index) => [name, index]));
  body.replaceChildren(strip(pending), table(pending.map((one) => row(one, model, numberOf))));
  if (pendingElsewhere > 0) body.append(element('p', { class: 'quiet' }, `and ${plural(pendingElsewhere, 'pod')} in smaller classes`));
}

/** Only the times move on between two words of the server. */
export function tickPending(model) {
  if (model.pending === undefined) return;
  const now = clusterNow(model);
  for (const cell of document.querySelectorAll('#pending-body [data-oldest]')) say(cell, duration(now - Number(cell.dataset.oldest)));
  for (const cell of document.querySelectorAll('#pending-body [data-expected]')) say(cell, expectation(Number(cell.dataset.expected), now));
}

function expectation(expectedMs, now) {
  if (expectedMs - now > 1_000) return `in about ${duration(expectedMs - now)}`;
  return now - expectedMs < lateMs ? 'any moment' : 'later than usual';
}

function strip(pending) {
  const states = Object.keys(stateWords).map((state) => [state, pending.filter((one) => one.state === state).reduce((sum, { pods }) => sum + pods, 0)]).filter(([, pods]) => pods > 0);
  const list = element('ul', { class: 'strip' });
  for (const [state, pods] of states) {
    const part = element('li', { class: `state-${state}` }, element('span', {}, element('b', {}, count(pods)), ` ${stateWords[state]}`));
    part.style.flexGrow = Math.sqrt(pods);
    list.append(part);
  }
  return list;
}

function table(rows) {
  const heads = [['Workload', ''], ['Pods', 'number'], ['Why', ''], ['Waits for', 'number'], ['Expected', 'number'], ['Each asks for', '']];
  return element('div', { class: 'scroll' }, element('table', { class: 'pending' },
    element('thead', {}, element('tr', {}, ...heads.map(([text, kind]) => element('th', { scope: 'col', class: kind }, text)))),
    element('tbody', {}, ...rows)));
}

function row({ workload, state, reason, pods, asks, oldestMs, expectedMs, example }, model, numberOf) {
  const now = clusterNow(model);
  const expected = expectedMs === null ? element('td', { class: 'number', 'data-label': 'Expected' }, '–') : element('td', { class: 'number', 'data-label': 'Expected', 'data-expected': expectedMs }, expectation(expectedMs, now));
  return element('tr', { 'data-state': state },
    element('th', { scope: 'row', title: `such as ${example}` }, swatch(numberOf.get(workload) ?? -2), ' ', workload),
    element('td', { class: 'number', 'data-label': 'Pods' }, count(pods)),
    element('td', { class: 'reason', 'data-label': 'Why' }, element('span', { class: `tag state-${state}` }, stateWords[state]), ' ', reason.charAt(0).toUpperCase() + reason.slice(1)),
    element('td', { class: 'number', 'data-label': 'Waits for', 'data-oldest': oldestMs }, duration(now - oldestMs)),
    expected,
    element('td', { class: 'asks', 'data-label': 'Each asks for' }, asks));
}
