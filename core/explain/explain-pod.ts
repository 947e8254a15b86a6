/**
 * Why a pod is where it is, or is not anywhere.
 *
 * In: what is known, the pod's name. Out: its state in one word and one sentence, the claim that it
 * waits for, the plan behind that, the decisions about it. What the cluster says goes before what is
 * remembered: after a restart the state is right though the reasons may be gone. O(1) where the
 * decision is remembered, else O(claims).
 */
import type { Live } from '../api/kinds.ts';
import { plannedOn } from '../provisioning/nominations.ts';
import type { LivePod } from '../state/live-pod.ts';
import { isTerminal } from '../state/snapshot.ts';
import type { DecisionEntry } from './decisions.ts';
import type { ClaimExplanation, PodExplanation, PodState } from './explanation.ts';
import {
  agoOf,
  claimOfNode,
  decisionLines,
  type ExplainFacts,
  explainClaim,
  explainPlan,
  progressOf,
  spanOf,
} from './subject.ts';

/** Undefined if there is no such pod. */
export function explainPod(
  facts: ExplainFacts,
  subject: { readonly namespace: string; readonly name: string },
): PodExplanation | undefined {
  const { view, decisions } = facts;
  const pod = view.get('Pod', subject);
  if (pod === undefined) return undefined;
  const { namespace, name, uid, nodeName } = pod;
  const entries = decisions.about({ kind: 'Pod', namespace, name }, uid);
  const found = nodeName === '' ? plannedClaim(facts, pod, entries) : claimOn(facts, nodeName);
  const claim = found === undefined ? null : explainClaim(facts, found);
  const state = stateOf(pod, claim, entries);
  return {
    kind: 'Pod',
    namespace,
    name,
    uid,
    state,
    summary: summaryOf(facts, pod, state, claim, entries),
    nodeName: nodeName === '' ? null : nodeName,
    claim,
    plan: claim === null ? null : explainPlan(entries),
    decisions: decisionLines(entries),
  };
}

function claimOn({ view }: ExplainFacts, nodeName: string): Live<'NodeClaim'> | undefined {
  const node = view.get('Node', { name: nodeName });
  return node === undefined ? view.claimByNodeName(nodeName) : claimOfNode(view, node);
}

/** The claim that was made for the pod: as remembered if that still holds, else as claims say. */
function plannedClaim(
  { view, nowMs }: ExplainFacts,
  { uid }: LivePod,
  entries: readonly DecisionEntry[],
): Live<'NodeClaim'> | undefined {
  for (const { record } of entries) {
    const name = record.details?.['claim'];
    const claim = typeof name === 'string' ? view.get('NodeClaim', { name }) : undefined;
    if (claim !== undefined && plannedOn(claim, nowMs).has(uid)) return claim;
  }
  for (const claim of view.all('NodeClaim')) {
    if (plannedOn(claim, nowMs).has(uid)) return claim;
  }
  return undefined;
}

/** Words of the provisioner that are states of a pod that it has not made a claim for. */
const verdicts: ReadonlySet<string> = new Set([
  'ignored',
  'waiting',
  'unschedulable',
  'fits-existing',
] satisfies PodState[]);

function stateOf(
  pod: LivePod,
  claim: ClaimExplanation | null,
  entries: readonly DecisionEntry[],
): PodState {
  if (isTerminal(pod)) return 'ended';
  if (pod.deletionMs > 0) return 'terminating';
  if (pod.nodeName !== '') return pod.phase === 'Running' ? 'running' : 'bound';
  if (pod.isGated) return 'gated';
  if (claim !== null) return 'planned';
  const verdict = verdictOf(entries)?.record.outcome ?? '';
  if (verdicts.has(verdict)) return verdict as PodState;
  return pod.unscheduledReason === '' ? 'unseen' : 'waiting';
}

function verdictOf(entries: readonly DecisionEntry[]): DecisionEntry | undefined {
  return entries.find(({ record }) => record.actor === 'provisioner');
}

function summaryOf(
  { nowMs }: ExplainFacts,
  pod: LivePod,
  state: PodState,
  claim: ClaimExplanation | null,
  entries: readonly DecisionEntry[],
): string {
  const age = spanOf(nowMs - pod.createdMs);
  const onNode = claim === null ? pod.nodeName : `${pod.nodeName} (${placeOf(claim)})`;
  switch (state) {
    case 'ended':
      return `It has ended: ${pod.phase}.`;
    case 'terminating':
      return pod.nodeName === ''
        ? 'It is being deleted.'
        : `It is being deleted from node ${onNode}.`;
    case 'running':
      return `It runs on node ${onNode}.`;
    case 'bound':
      return `It is bound to node ${onNode}, whose kubelet is starting it.`;
    case 'gated':
      return `It has scheduling gates: nothing is done for it until they are taken off. It is ${age} old.`;
    case 'planned':
      return claim === null
        ? ''
        : `It waits for NodeClaim ${claim.name} (${placeOf(claim)}): ${progressOf(claim, nowMs)}.`;
    case 'unseen':
      return `Its scheduler has not said that it does not fit; it is ${age} old. Only then a node is planned for it.`;
    case 'waiting':
    case 'unschedulable':
    case 'ignored':
    case 'fits-existing':
      return pendingSummary(nowMs, age, state, verdictOf(entries));
  }
}

const pendingWords = {
  waiting: 'It waits',
  unschedulable: 'No node that may be launched can hold it',
  ignored: 'No node is planned for it',
  'fits-existing': 'There is room for it',
} as const;

function pendingSummary(
  nowMs: number,
  age: string,
  state: keyof typeof pendingWords,
  verdict: DecisionEntry | undefined,
): string {
  // A decision from before, such as a plan that has come to nothing, says nothing about now.
  if (verdict === undefined || verdict.record.outcome !== state) {
    return `It has been pending for ${age}, and the next plan decides about it.`;
  }
  const since = agoOf(nowMs - verdict.record.timeMs);
  return `${pendingWords[state]}: ${verdict.record.reason} (decided ${since}; it is ${age} old).`;
}

function placeOf({ instanceType, zone, capacityType }: ClaimExplanation): string {
  return `${instanceType ?? 'type unknown'}, ${zone ?? 'zone unknown'}, ${capacityType ?? 'capacity type unknown'}`;
}
