/**
 * The plan as one self-contained page (`-o html`).
 *
 * In: a Plan and its drawing. Out: chunks of HTML that needs no network: style and script stand in
 * the page, and its content security policy allows exactly those two by hash and nothing else. The
 * summary, the unschedulable pods and the notes are plain markup; bins are drawn by
 * `page/plan-page.js`. Without scripts the page shows the table for people instead.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Plan } from '../../core/packing/plan.ts';
import { assetPath } from '../../workers/assets.ts';
import { curveSvg } from './curve-svg.ts';
import type { PlanDrawing } from './plan-drawing.ts';
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatUsd,
  type PlanSummary,
  summarizePlan,
} from './plan-summary.ts';
import { renderPlanTable } from './plan-table.ts';

/** Pods named per reason; the rest is counted, and the JSON plan names all. */
const podsNamedPerReasonMax = 500;

/** A wider gap is told in the colour of warnings. */
const weakGap = 0.1;

/** Chunks of the document, in order. @throws if the page's own assets cannot be read. */
export async function planHtmlChunks(plan: Plan, drawing: PlanDrawing): Promise<string[]> {
  const [style, script] = await Promise.all(
    ['plan-page.css', 'plan-page.js'].map((name) =>
      readFile(assetPath(`extender/output/page/${name}`), 'utf8'),
    ),
  );
  const summary = summarizePlan(plan);
  const { resources, workloads, shapes, shelves } = drawing;
  return [
    head(style ?? '', script ?? '', plan),
    masthead(plan, summary),
    '<main>',
    costCard(plan, summary, drawing),
    unschedulableSection(summary),
    nodesSection(plan, drawing),
    detailSection(plan, summary),
    '</main>',
    '<footer>Made by Stowage. <code>stowage verify</code> re-checks this plan without the solver.</footer>',
    '<div id="tip" aria-hidden="true" hidden></div>',
    '<dialog id="node" aria-label="Node"><div class="inside" id="node-inside"></div></dialog>',
    '<script type="application/json" id="plan">',
    dataJson({ resources, workloads, shapes, shelves }),
    `</script>\n<script>${script}</script>\n</body>\n</html>\n`,
  ];
}

/** Text for markup and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** JSON that cannot end the script element it stands in. */
function dataJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', String.raw`\u003c`);
}

function head(style: string, script: string, { nodes, cost }: Plan): string {
  const hash = (text: string): string =>
    `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'`;
  return [
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>Stowage plan: ${formatCount(nodes.length, 'node')}, ${formatUsd(cost.perHour)} per hour</title>`,
    `<style>${style}</style>\n</head>\n<body>\n`,
  ].join('\n');
}

const mark =
  '<svg viewBox="0 0 38 38" aria-hidden="true"><rect width="38" height="38" rx="9" fill="#123a63"/>' +
  '<rect x="7" y="7" width="11" height="15" rx="2" fill="#6cb2ff"/><rect x="20" y="7" width="11" height="8" rx="2" fill="#ec9a3c"/>' +
  '<rect x="20" y="17" width="11" height="14" rx="2" fill="#38ae84"/><rect x="7" y="24" width="11" height="7" rx="2" fill="#d7dee6"/></svg>';

function masthead(plan: Plan, summary: PlanSummary): string {
  const { proof, gap, lowerBound, perHour } = plan.cost;
  const badge =
    proof === 'unproven'
      ? 'Gap unproven'
      : lowerBound === 0 && perHour > 0
        ? 'No bound found in time'
        : proof === 'optimal' || gap === 0
          ? 'Proven optimal'
          : `Within ${formatPercent(gap ?? 0)} of optimal, proven`;
  const weak = proof === 'unproven' || (gap ?? 1) > weakGap;
  return `<header class="masthead"><div>${mark}<div><h1>Stowage plan</h1><p>${escapeHtml(summary.headline)}</p></div><span class="badge ${weak ? 'weak' : ''}">${badge}</span></div></header>\n`;
}

function costCard(plan: Plan, summary: PlanSummary, drawing: PlanDrawing): string {
  const { perHour, lowerBound, firstFitPerHour, proof } = plan.cost;
  const most = Math.max(perHour, lowerBound, firstFitPerHour ?? 0, Number.MIN_VALUE);
  const bar = (label: string, kind: string, usd: number | null): string => {
    const width = usd === null ? 0 : Math.min(100, (usd / most) * 100);
    const value = usd === null ? 'not all placed' : formatUsd(usd);
    return (
      `<div><dt>${label}</dt><dd class="track"><svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">` +
      `<rect class="fill-${kind}" width="${width.toFixed(2)}" height="1"/></svg></dd><dd class="value">${value}</dd></div>`
    );
  };
  const bound = proof === 'unproven' || lowerBound === 0 ? null : lowerBound;
  return (
    '<div class="summary"><section class="card cost" aria-label="Cost">' +
    `<div><div class="price">${formatUsd(perHour)} <small>per hour</small></div><p class="quiet">${formatUsd(summary.perMonth)} per month of 730 hours</p></div>` +
    `<dl class="bars">${bound === null ? '' : bar('No plan costs less than', 'bound', bound)}${bar('This plan', 'plan', perHour)}${bar('First-fit', 'first-fit', firstFitPerHour)}</dl>` +
    `<p>${escapeHtml(sentence(summary.proofWords))} ${escapeHtml(sentence(summary.firstFitWords))}</p></section>` +
    `<section class="card" aria-label="Figures"><dl class="facts">${facts(plan, summary, drawing)}</dl></section></div>\n`
  );
}

function facts(plan: Plan, summary: PlanSummary, drawing: PlanDrawing): string {
  const [cpu, memory] = meanUse(drawing);
  const number = (value: number): string => value.toLocaleString('en-US');
  const fact = (label: string, value: string, kind = ''): string =>
    `<div class="${kind}"><dt>${label}</dt><dd>${value}</dd></div>`;
  const pods = summary.podsOnNewNodes + summary.podsOnExistingNodes;
  return [
    fact('New nodes', number(summary.nodeCount)),
    fact('Pods placed', number(pods)),
    summary.unschedulableCount === 0
      ? fact('Without a place', '0')
      : fact('Without a place', number(summary.unschedulableCount), 'alert'),
    fact('CPU in use', cpu === null ? '–' : formatPercent(cpu)),
    fact('Memory in use', memory === null ? '–' : formatPercent(memory)),
    fact('Solved in', formatDuration(plan.solver.wallMs)),
  ].join('');
}

/** Used part of cpu and of memory over all new nodes; null without nodes. */
function meanUse(drawing: PlanDrawing): readonly [number | null, number | null] {
  const mean = (resource: number): number | null => {
    let used = 0;
    let whole = 0;
    for (const shelf of drawing.shelves) {
      if (shelf.existing) continue;
      const each = shelf.allocatable[resource] ?? 0;
      for (const bin of shelf.bins) {
        used += (bin.used[resource] ?? 0) * each * bin.names.length;
        whole += each * bin.names.length;
      }
    }
    return whole === 0 ? null : used / whole;
  };
  return [mean(0), mean(1)];
}

function unschedulableSection({ reasons, unschedulableCount }: PlanSummary): string {
  if (unschedulableCount === 0) return '';
  const row = ({ reason, pods }: PlanSummary['reasons'][number]): string => {
    const named = pods.slice(0, podsNamedPerReasonMax);
    const items = named.map((pod) => `<li>${escapeHtml(pod)}</li>`).join('');
    const rest = pods.length - named.length;
    const more = rest > 0 ? `<li>and ${rest.toLocaleString('en-US')} more</li>` : '';
    return (
      `<tr><td class="reason">${escapeHtml(reason)}<details><summary>${formatCount(pods.length, 'pod')}, such as ${escapeHtml(pods[0] ?? '')}</summary>` +
      `<ul class="pods mono">${items}${more}</ul></details></td><td class="number">${pods.length.toLocaleString('en-US')}</td></tr>`
    );
  };
  return (
    `<section class="block"><header><h2>Without a place</h2><span class="quiet">${formatCount(unschedulableCount, 'pod')}</span></header>` +
    `<div class="card scroll"><table><thead><tr><th scope="col">Reason</th><th scope="col" class="number">Pods</th></tr></thead><tbody>${reasons.map(row).join('')}</tbody></table></div></section>\n`
  );
}

function nodesSection(plan: Plan, drawing: PlanDrawing): string {
  const select = (id: string, label: string): string =>
    `<label>${label}<select id="${id}"></select></label>`;
  return (
    '<section class="block"><header><h2>Nodes</h2><span class="quiet">Each box is a node, each block in it a pod, sized by the resource it takes most of; the empty part is free.</span></header>' +
    `<div class="tools" id="tools" hidden>${select('pool', 'NodePool')}${select('type', 'Instance type')}${select('capacity', 'Capacity')}${select('zone', 'Zone')}` +
    '<label>Node, pod or workload<input id="search" type="search" placeholder="Search" autocomplete="off"></label><output id="shown"></output></div>' +
    '<ul class="legend" id="legend" aria-label="Workloads"></ul><div id="shelves"></div>' +
    `<noscript><pre class="card">${escapeHtml(renderPlanTable(plan, drawing, { colour: false, columns: 110 }))}</pre></noscript>` +
    '<svg width="0" height="0" aria-hidden="true"><defs><pattern id="daemon-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-floor" width="6" height="6"/><line class="hatch-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs></svg></section>\n'
  );
}

function detailSection(plan: Plan, summary: PlanSummary): string {
  const { solver } = plan;
  const rows: readonly (readonly [string, string])[] = [
    ['Effort', summary.effortWords],
    ['Offerings after pruning', solver.offeringsKept.toLocaleString('en-US')],
    ['Columns', solver.columns.toLocaleString('en-US')],
    ['Iterations', solver.iterations.toLocaleString('en-US')],
    ...Object.entries(solver.phases).map(([name, ms]) => [name, formatDuration(ms)] as const),
    ['Seed', String(solver.seed)],
  ];
  const table = rows
    .map(
      ([name, value]) =>
        `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`,
    )
    .join('');
  const notes = plan.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('');
  const notesBlock =
    notes === ''
      ? ''
      : `<section class="block"><header><h2>Notes</h2></header><div class="card"><ul class="notes">${notes}</ul></div></section>`;
  return (
    notesBlock +
    '<section class="block"><header><h2>How it was found</h2></header><div class="two">' +
    `<div class="card"><h3>Cost and proven bound over time</h3>${curveSvg(solver.curve)}</div>` +
    `<div class="card scroll"><table><tbody>${table}</tbody></table></div></div></section>\n`
  );
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
