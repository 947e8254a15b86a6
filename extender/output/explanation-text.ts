/**
 * An explanation for people: the sentence first, then what it rests on.
 *
 * In: an explanation as the service answers it. Out: text with a newline at the end. It adds nothing
 * and leaves out only what is empty.
 */
import picocolors from 'picocolors';
import { karpenterAwsGroup } from '../../core/api/labels.ts';
import type {
  ClaimExplanation,
  DecisionLine,
  NodeExplanation,
  PlanExplanation,
  PodExplanation,
} from '../../core/explain/explanation.ts';
import type { TableStyle } from './plan-table.ts';
import { alignColumns, hangingLines } from './text-columns.ts';

/** An explanation, and the replica that gave it. */
export type Answered<T> = T & {
  readonly replica: {
    readonly identity: string;
    readonly isLeader: boolean;
    readonly leader: string;
    readonly karpenterLeads: boolean;
  };
};

const usdDigits = 4;
const podsShown = 10;

export function explanationText(
  explanation: Answered<PodExplanation | NodeExplanation>,
  style: TableStyle,
): string {
  const title =
    explanation.kind === 'Pod'
      ? `Pod ${explanation.namespace}/${explanation.name}: ${explanation.state}`
      : `Node ${explanation.name}`;
  const sections = [
    [bold(title, style), ...hangingLines('  ', explanation.summary, style.columns)],
    explanation.kind === 'Node' ? nodeLines(explanation, style) : [],
    claimLines(explanation.claim, style),
    planLines(explanation.plan),
    decisionTable(explanation.decisions, style),
    replicaLines(explanation.replica, style),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function nodeLines({ requested, pods, podCount }: NodeExplanation, style: TableStyle): string[] {
  const lines: string[] = [];
  const shares = Object.entries(requested ?? {});
  if (shares.length > 0) {
    const text = shares.map(([resource, share]) => `${resource} ${(share * 100).toFixed(0)} %`);
    lines.push(...hangingLines('Requested: ', text.join(', '), style.columns));
  }
  if (podCount > 0) {
    const named = pods.slice(0, podsShown).join(', ');
    const more = podCount > podsShown ? `, and ${podCount - podsShown} more` : '';
    lines.push(...hangingLines(`Pods (${podCount}): `, `${named}${more}`, style.columns));
  }
  return lines;
}

function claimLines(claim: ClaimExplanation | null, style: TableStyle): string[] {
  if (claim === null) return [];
  const { name, nodePool, instanceType, zone, capacityType, usdPerHour } = claim;
  const what = [instanceType, zone, capacityType].filter((part) => part !== null).join(', ');
  const price = usdPerHour === null ? '' : `, ${usdPerHour.toFixed(usdDigits)} USD per hour`;
  const pool = nodePool === null ? '' : ` of NodePool ${nodePool}`;
  const steps = claim.steps.map(({ step, status, at, message }) => ({
    step,
    status,
    at: at ?? '',
    message,
  }));
  const lines = [
    bold(`NodeClaim ${name}${pool}`, style),
    ...hangingLines('  ', `${what}${price}`, style.columns),
    indented(
      alignColumns(
        [
          { title: 'STEP', align: 'left', cell: ({ step }) => step },
          { title: 'STATUS', align: 'left', cell: ({ status }) => status },
          { title: 'SINCE', align: 'left', cell: ({ at }) => at },
          { title: 'WHY', align: 'left', cell: ({ message }) => message, dropRank: 1 },
        ],
        steps,
        style.columns - 2,
        (text) => dim(text, style),
      ),
    ),
  ];
  if (claim.alternatives.length > 0) {
    const text = claim.alternatives.join(', ');
    lines.push(...hangingLines('  Next best: ', text, style.columns));
  }
  return lines;
}

function planLines(plan: PlanExplanation | null): string[] {
  if (plan === null || plan.usdPerHour === null) return [];
  const { usdPerHour, lowerBoundUsdPerHour, gap, decidedAt } = plan;
  const cost = `${usdPerHour.toFixed(usdDigits)} USD per hour for all its nodes`;
  const proof =
    gap === null || lowerBoundUsdPerHour === null
      ? 'no bound is proven'
      : `no plan costs less than ${lowerBoundUsdPerHour.toFixed(usdDigits)}, so at most ${(gap * 100).toFixed(2)} % could be saved`;
  return [`Plan of ${decidedAt}: ${cost}; ${proof}.`];
}

function decisionTable(decisions: readonly DecisionLine[], style: TableStyle): string[] {
  if (decisions.length === 0) return [];
  return [
    alignColumns(
      [
        { title: 'TIME', align: 'left', cell: ({ at }) => at },
        { title: 'BY', align: 'left', cell: ({ actor }) => actor, dropRank: 1 },
        { title: 'DECISION', align: 'left', cell: ({ outcome }) => outcome },
        {
          title: 'TIMES',
          align: 'right',
          cell: ({ count }) => String(count),
          dropRank: 2,
        },
        { title: 'REASON', align: 'left', cell: ({ reason }) => reason },
      ],
      decisions,
      style.columns,
      (text) => dim(text, style),
    ),
  ];
}

/**
 * Reasons are remembered by the leader: whoever asks another should know where they are. Of what is
 * left to Karpenter there are none.
 */
function replicaLines(
  { identity, isLeader, leader, karpenterLeads }: Answered<object>['replica'],
  style: TableStyle,
): string[] {
  const lines: string[] = [];
  if (!isLeader) {
    const where = leader === '' ? 'nobody is known to lead' : `${leader} leads and knows more`;
    const text = `${identity} does not lead; ${where} about reasons.`;
    lines.push(...hangingLines('Note: ', text, style.columns));
  }
  if (karpenterLeads) {
    const text = `a Karpenter leads on this cluster; what is of group ${karpenterAwsGroup} is left to it.`;
    lines.push(...hangingLines('Note: ', text, style.columns));
  }
  return lines;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function bold(text: string, { colour }: TableStyle): string {
  return picocolors.createColors(colour).bold(text);
}

function dim(text: string, { colour }: TableStyle): string {
  return picocolors.createColors(colour).dim(text);
}
