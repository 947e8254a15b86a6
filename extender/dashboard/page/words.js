/** Small words and small elements: what every part of the dashboard says things with. */

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`on...` are listeners), and children. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== ''));
  return node;
}

/** Writes text only where it differs, so that selections and screen readers are left alone. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
export const count = (number) => number.toLocaleString('en-US');
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

export function usd(number) {
  const digits = number === 0 || Math.abs(number) >= 1 ? 2 : 4;
  return `$${number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export function percent(ratio) {
  const value = ratio * 100;
  return `${value.toFixed(value !== 0 && Math.abs(value) < 9.95 ? 1 : 0)} %`;
}

/** `850 ms`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86400)];
  if (minutes < 10) return `${minutes} min ${seconds % 60} s`;
  if (hours < 1) return `${minutes} min`;
  if (days < 1) return `${hours} h ${minutes % 60} min`;
  return `${days} d ${hours % 24} h`;
}

/** Time of day of the cluster's clock; simulated clusters live in UTC. */
export function clock(ms, isSimulated) {
  return new Date(ms).toLocaleTimeString('en-GB', isSimulated ? { timeZone: 'UTC' } : {});
}

export function day(ms, isSimulated) {
  const options = { day: 'numeric', month: 'short', year: 'numeric', ...(isSimulated ? { timeZone: 'UTC' } : {}) };
  return new Date(ms).toLocaleDateString('en-GB', options);
}

export function amount(resource, value) {
  if (resource === 'cpu') return count(Number((value / 1000).toFixed(1)));
  if (resource !== 'memory' && resource !== 'ephemeral-storage' && !resource.startsWith('hugepages-')) return count(value);
  return `${Number((value / 2 ** 30).toFixed(1))} GiB`;
}

export const shortName = (resource) => resource.slice(resource.indexOf('/') + 1);

const colourCount = 24;
/** Class of a workload's colour; -1: DaemonSets, -2: workloads beyond number. */
export const colourClass = (workload) => (workload < 0 ? 'w-other' : `w${workload % colourCount}`);
export const swatch = (workload) => element('span', { class: `swatch ${colourClass(workload)}`, 'aria-hidden': 'true' });

/** A node on its way there, and what is said of each step. */
export const comingSteps = ['launching', 'booting', 'registered', 'binding'];
export const stepWords = {
  launching: 'launching',
  booting: 'booting',
  registered: 'registered',
  binding: 'binding',
  ready: 'ready',
  'not-ready': 'not ready',
  leaving: 'leaving',
};

/** Where a node is in its life, and for how long unless that is ordinary. */
export function stepTag({ step, sinceMs }, nowMs) {
  const kind = comingSteps.includes(step) ? 'coming' : step;
  return element('span', { class: `tag step-${kind}` }, `${stepWords[step]}${step === 'ready' ? '' : ` ${duration(nowMs - sinceMs)}`}`);
}
