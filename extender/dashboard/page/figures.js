/** The head of the page: who speaks, what it costs, how many there are. */
import { clusterNow } from './live.js';
import { byId, clock, count, day, drawn, duration, element, percent, plural, say, usd } from './words.js';

const hoursPerMonth = 730;
/** Below this share of the cost, comparing it with plans would say little. */
const plannedMin = 0.5;

export function showAbout({ about }) {
  const { cluster, identity, isLeader, leader, karpenterLeads, version, speed } = about;
  say(byId('cluster'), speed === null || cluster.includes('simulated') ? `cluster ${cluster}` : `cluster ${cluster}, simulated`);
  const role = isLeader ? 'leader' : leader === '' ? 'no leader' : `standby, ${leader} leads`;
  say(byId('leader'), karpenterLeads ? `${role}, beside Karpenter` : role);
  byId('leader').title = `Replica ${identity}`;
  byId('leader').classList.toggle('weak', !isLeader && leader === '');
  byId('speed').hidden = speed === null;
  if (speed !== null) say(byId('speed'), `${count(speed)}× speed`);
  say(byId('version'), version);
}

export function showTime(model) {
  if (model.about === undefined) return;
  const isSimulated = model.about.speed !== null;
  const now = clusterNow(model);
  say(byId('time'), `${day(now, isSimulated)} ${clock(now, isSimulated)}`);
}

export function showTotals({ totals }) {
  const { cost, bound, firstFit, planned, nodes, nodesComing, podsPending, podsRunning } = totals;
  say(byId('cost'), usd(cost));
  say(byId('month'), `${usd(cost * hoursPerMonth)} per month of ${hoursPerMonth} hours`);
  const isCompared = bound !== null && firstFit !== null && planned >= plannedMin && cost > 0;
  const most = Math.max(cost, isCompared ? firstFit : 0, Number.MIN_VALUE);
  byId('bars').replaceChildren(
    ...(isCompared ? bar('Proven least', 'bound', bound, most) : []),
    ...bar('Now', 'plan', cost, most),
    ...(isCompared ? bar('First-fit', 'first-fit', firstFit, most) : []),
  );
  say(byId('cost-words'), isCompared ? comparison(totals) : firstWords(totals));
  byId('facts').replaceChildren(...facts(totals));
  document.title = `${usd(cost)}/h · ${plural(nodes, 'node')} · ${count(podsRunning)} running${podsPending > 0 ? ` · ${count(podsPending)} waiting` : ''} · Stowage`;
  byId('facts').dataset.coming = nodesComing;
}

function bar(label, kind, value, most) {
  const picture = drawn('svg', { viewBox: '0 0 100 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    drawn('rect', { class: `fill-${kind}`, width: Math.min(100, (value / most) * 100).toFixed(2), height: 1 }));
  return [element('div', {}, element('dt', {}, label), element('dd', { class: 'track' }, picture), element('dd', { class: 'value' }, usd(value)))];
}

function comparison({ cost, bound, firstFit, planned }) {
  const above = (cost - bound) / cost;
  const saved = firstFit > 0 ? (firstFit - cost) / firstFit : 0;
  const part = planned > 0.995 ? '' : ` ${percent(planned)} of the cost is compared; older nodes are taken as they are.`;
  const proof = above < 0.0005 ? 'Proven optimal, plan by plan.' : `Within ${percent(above)} of the least that is possible, proven plan by plan.`;
  const first = saved > 0.0005 ? ` First-fit would cost ${percent(saved / (1 - saved))} more.` : ' First-fit would cost the same.';
  return `${proof}${first}${part}`;
}

function firstWords({ nodes, nodesComing, nodesUnpriced }) {
  if (nodes + nodesComing === 0) return 'No nodes, no cost. The comparison with the proven least and with first-fit begins with the first plan.';
  if (nodesUnpriced > 0) return `${plural(nodesUnpriced, 'node')} without a known price ${nodesUnpriced === 1 ? 'is' : 'are'} not in this sum.`;
  return 'The comparison with the proven least and with first-fit begins with the next plan.';
}

function facts(totals) {
  const { nodesReady, nodesComing, nodesLeaving, podsRunning, podsStarting, podsPending, podsDone, podsFailed, cpuUse, memoryUse, plan } = totals;
  const fact = (label, value, small = '', kind = '') =>
    element('div', { class: kind }, element('dt', {}, label), element('dd', {}, value, small && element('small', {}, ` ${small}`)));
  const moving = [nodesComing > 0 && `+${count(nodesComing)} coming`, nodesLeaving > 0 && `−${count(nodesLeaving)} leaving`].filter(Boolean).join(', ');
  return [
    fact('Nodes ready', count(nodesReady), moving),
    fact('Pods running', count(podsRunning), podsStarting > 0 ? `+${count(podsStarting)} starting` : ''),
    fact('Pods waiting', count(podsPending), '', podsPending > 0 ? 'alert' : ''),
    fact('Pods done', count(podsDone), podsFailed > 0 ? `${count(podsFailed)} failed` : ''),
    fact('CPU requested', nodesReady === 0 ? '–' : percent(cpuUse)),
    fact('Memory requested', nodesReady === 0 ? '–' : percent(memoryUse)),
    fact('Last plan', plan === null ? '–' : plural(plan.pods, 'pod'), plan === null ? '' : `in ${duration(plan.solveMs)}`),
    fact('Its proven gap', plan === null || plan.gap === null ? '–' : percent(plan.gap)),
  ];
}
