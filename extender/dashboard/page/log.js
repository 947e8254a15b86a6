/** The log of decisions, newest first, with a filter; it can be paused for reading. */
import { byId, byText, clock, count, element, plural, say } from './words.js';

const shownMax = 200;
const state = { outcome: '', text: '', isPaused: false };
let model;
/** Lines as they were when the log was paused. */
let frozen;

export function startLog(followed) {
  model = followed;
  byId('outcome').addEventListener('change', () => filter({ outcome: byId('outcome').value }));
  byId('log-search').addEventListener('input', () => filter({ text: byId('log-search').value.trim().toLowerCase() }));
  byId('pause').addEventListener('click', () => {
    state.isPaused = !state.isPaused;
    frozen = state.isPaused ? model.decisions : undefined;
    byId('pause').setAttribute('aria-pressed', String(state.isPaused));
    showLog();
  });
}

function filter(change) {
  Object.assign(state, change);
  showLog();
}

export function showLog() {
  const decisions = frozen ?? model.decisions;
  outcomes(decisions);
  const isAsked = ({ outcome, subject, reason, actor, kind }) =>
    (!state.outcome || outcome === state.outcome) &&
    (!state.text || [subject, reason, actor, kind].some((text) => text.toLowerCase().includes(state.text)));
  const asked = together(decisions.filter(isAsked)).slice(-shownMax).reverse();
  const unread = state.isPaused ? (model.decisions.at(-1)?.number ?? 0) - (frozen.at(-1)?.number ?? 0) : 0;
  say(byId('pause'), state.isPaused ? (unread > 0 ? `Go on, ${count(unread)} new` : 'Go on') : 'Pause');
  say(byId('log-sum'), model.decisions.length === 0 ? '' : `${plural(model.decisions.at(-1).number, 'decision')} so far`);
  const lines = byId('lines');
  if (asked.length === 0) {
    const text = decisions.length === 0 ? 'No decisions yet. Every plan, launch, bind and removal is told here with its reason.' : 'No decision matches.';
    lines.replaceChildren(element('li', { class: 'empty quiet' }, text));
    return;
  }
  // Only what is new is made; the rest stays, and with it the reader's place.
  const known = new Map([...lines.children].map((line) => [line.dataset.key, line]));
  const isSimulated = model.about.speed !== null;
  const wanted = asked.map((one) => known.get(keyOf(one)) ?? row(one, isSimulated));
  const kept = new Set(wanted);
  for (const line of lines.querySelectorAll(':scope > li')) if (!kept.has(line)) line.remove();
  wanted.forEach((line, index) => {
    if (lines.children[index] !== line) lines.insertBefore(line, lines.children[index] ?? null);
  });
}

/** One line for what was decided in a row about many in the same words. */
function together(decisions) {
  const groups = [];
  for (const one of decisions) {
    const last = groups.at(-1);
    if (last?.reason === one.reason && last.outcome === one.outcome && last.kind === one.kind) {
      last.subjects.push(one.subject);
      Object.assign(last, { timeMs: one.timeMs });
    } else groups.push({ ...one, subjects: [one.subject] });
  }
  return groups;
}

const keyOf = ({ number, subjects }) => `${number}+${subjects.length}`;

function row(group, isSimulated) {
  const { timeMs, actor, outcome, kind, subjects, reason } = group;
  const more = subjects.length > 1 ? element('small', {}, ` and ${count(subjects.length - 1)} more`) : '';
  return element('li', { 'data-key': keyOf(group) },
    element('time', { datetime: new Date(timeMs).toISOString() }, clock(timeMs, isSimulated)),
    element('span', { class: 'tag outcome', title: `decided by ${actor}` }, outcome),
    element('span', { class: 'subject', title: subjects.slice(0, 40).join('\n') }, element('small', {}, `${kind} `), subjects[0], more),
    element('span', { class: 'why' }, reason));
}

function outcomes(decisions) {
  const select = byId('outcome');
  const values = ['', ...[...new Set([...decisions.map(({ outcome }) => outcome), state.outcome])].filter(Boolean).sort(byText)];
  if (values.join('\n') === select.dataset.values) return;
  select.dataset.values = values.join('\n');
  select.replaceChildren(...values.map((value) => element('option', { value, selected: value === state.outcome }, value || 'all')));
}
