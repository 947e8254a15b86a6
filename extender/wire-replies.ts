/**
 * The wire of kube-scheduler's extender v1: answers.
 *
 * In: decisions. Out: whole bodies as bytes, so that every answer has a Content-Length. Names are
 * echoed as the bytes that came, runs of kept names in one copy.
 *
 * Source: kube-scheduler `extender/v1/types.go`; `pkg/scheduler/schedule_one.go` (prioritizeNodes:
 * scores are added up by host, a host that is not listed adds 0).
 */
import type { PreemptionCandidate } from '../core/scheduling/extender-preempt.ts';
import type { NamedNodes } from './node-table.ts';
import type { ExtenderArgs } from './wire.ts';

/** A node that filter leaves out. */
export interface FilterRejection {
  /** Into the names of the request; rejections are in ascending order. */
  readonly index: number;
  readonly reason: string;
}

/**
 * Up to this many hosts every score is listed, for whoever reads along. Above, hosts with the
 * lowest score are left out: they would cost kube-scheduler's decoder about a microsecond each and
 * change nothing.
 */
export const hostsListedMax = 100;

const filterHead = Buffer.from('{"NodeNames":[');
const filterMiddle = Buffer.from('],"FailedNodes":{},"FailedAndUnresolvableNodes":{');
const filterTail = Buffer.from('},"Error":""}');
const hostHead = Buffer.from('{"Host":"');
const hostMiddle = Buffer.from('","Score":');
/** `{"Host":"` + `","Score":` + two digits + `},`. */
const hostOverhead = hostHead.length + hostMiddle.length + 4;
const hostHeadView = viewOf(hostHead);
const hostMiddleView = viewOf(hostMiddle);

/**
 * Answer to filter. Rejected nodes go into the unresolvable map: preempting pods there would not
 * help, and kube-scheduler need not try.
 */
export function encodeFilterResult(
  args: ExtenderArgs,
  rejections: readonly FilterRejection[],
): Buffer {
  return args.nodes === undefined
    ? namesResult(args.names, rejections)
    : nodesResult(args.names, args.nodes, rejections);
}

function namesResult(names: NamedNodes, rejections: readonly FilterRejection[]): Buffer {
  const failed = rejections.map(({ index, reason }) => failure(names, index, reason)).join(',');
  const fixed = filterHead.length + filterMiddle.length + filterTail.length;
  const body = Buffer.allocUnsafe(fixed + lengthOf(names) + Buffer.byteLength(failed));
  let at = copy(filterHead, body, 0);
  const first = at;
  let from = 0;
  const keepUntil = (until: number): void => {
    if (until > from) {
      if (at > first) {
        body[at] = 0x2c;
        at += 1;
      }
      at = copy(region(names, from, until), body, at);
    }
  };
  for (const { index } of rejections) {
    keepUntil(index);
    from = index + 1;
  }
  keepUntil(names.count);
  at = copy(filterMiddle, body, at);
  at += body.write(failed, at);
  at = copy(filterTail, body, at);
  return body.subarray(0, at);
}

function nodesResult(
  names: NamedNodes,
  nodes: readonly unknown[],
  rejections: readonly FilterRejection[],
): Buffer {
  const rejected = new Set(rejections.map(({ index }) => index));
  const kept = nodes.filter((_, index) => !rejected.has(index));
  const failed = rejections.map(({ index, reason }) => failure(names, index, reason)).join(',');
  return Buffer.from(
    `{"Nodes":{"metadata":{},"items":${JSON.stringify(kept)}},"NodeNames":null,` +
      `"FailedNodes":{},"FailedAndUnresolvableNodes":{${failed}},"Error":""}`,
  );
}

/** Answer to prioritize: `scores` in the order of the names, integers from 0 to 10. */
export function encodeHostPriorities(names: NamedNodes, scores: Uint8Array): Buffer {
  // Only differences count, so that the lowest score may as well be 0.
  const base = names.count > hostsListedMax ? lowest(scores) : 0;
  const body = Buffer.allocUnsafe(2 + lengthOf(names) + names.count * hostOverhead);
  const from = viewOf(names.bytes);
  const to = viewOf(body);
  let at = 0;
  body[at++] = 0x5b;
  for (let index = 0; index < names.count; index += 1) {
    const score = (scores[index] ?? 0) - base;
    if (score === 0 && names.count > hostsListedMax) {
      continue;
    }
    if (at > 1) {
      body[at++] = 0x2c;
    }
    const start = names.starts[index] ?? 0;
    at = copyBytes(hostHeadView, 0, hostHead.length, to, at);
    at = copyBytes(from, start, (names.ends[index] ?? 0) - start, to, at);
    at = copyBytes(hostMiddleView, 0, hostMiddle.length, to, at);
    if (score >= 10) {
      body[at++] = 0x31;
    }
    body[at++] = 0x30 + (score % 10);
    body[at++] = 0x7d;
  }
  body[at++] = 0x5d;
  return body.subarray(0, at);
}

/** Answer to preempt: identifiers, whichever way the request was written. */
export function encodePreemptionResult(candidates: readonly PreemptionCandidate[]): Buffer {
  const nodes = candidates.map(({ nodeName, victimUids, budgetViolations }) => {
    const pods = victimUids.map((uid) => `{"UID":${JSON.stringify(uid)}}`).join(',');
    return `${JSON.stringify(nodeName)}:{"Pods":[${pods}],"NumPDBViolations":${budgetViolations}}`;
  });
  return Buffer.from(`{"NodeNameToMetaVictims":{${nodes.join(',')}}}`);
}

/** Answer to bind, and to a request that could not be read: an empty message is success. */
export function encodeError(message: string): Buffer {
  return Buffer.from(`{"Error":${JSON.stringify(message)}}`);
}

function failure(names: NamedNodes, index: number, reason: string): string {
  const name = names.bytes.toString('utf8', names.starts[index], names.ends[index]);
  return `"${name}":${JSON.stringify(reason)}`;
}

/** The bytes of names `from` to before `until`, quotes and commas included; at least one name. */
function region(names: NamedNodes, from: number, until: number): Uint8Array {
  return names.bytes.subarray((names.starts[from] ?? 0) - 1, (names.ends[until - 1] ?? 0) + 1);
}

function lengthOf(names: NamedNodes): number {
  return names.count === 0 ? 0 : region(names, 0, names.count).length;
}

function lowest(scores: Uint8Array): number {
  let low = 255;
  for (const score of scores) {
    low = Math.min(low, score);
  }
  return low;
}

/**
 * Copies `length` bytes, four at a time; for some forty bytes a call of `set` costs more than they
 * do. Answers where the copy ends.
 */
function copyBytes(
  from: DataView,
  start: number,
  length: number,
  to: DataView,
  target: number,
): number {
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    to.setInt32(target + at, from.getInt32(start + at, true), true);
  }
  for (; at < length; at += 1) {
    to.setUint8(target + at, from.getUint8(start + at));
  }
  return target + length;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function copy(from: Uint8Array, to: Buffer, at: number): number {
  to.set(from, at);
  return at + from.length;
}
