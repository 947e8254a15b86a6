/**
 * The wire of kube-scheduler's extender v1: requests.
 *
 * In: bodies as bytes. Out: what the verbs decide about, or an {@link InputError} that names the
 * field. Outer keys are spelt as Go spells them (`NodeNames`), what they hold as Kubernetes does.
 * Answers are in `wire-replies.ts`; no other module knows a key of this protocol.
 *
 * Source: kube-scheduler `extender/v1/types.go`, `pkg/scheduler/extender.go`.
 *
 * A filter request at 5,000 nodes is 5 % pod and 95 % names. So where the names come last and
 * plain, as kube-scheduler writes them, only what stands before them goes through `JSON.parse`, and
 * the names stay bytes; anything else is parsed as a whole, with the same result. Nothing that was
 * parsed is copied or merged into other objects, so that a key such as `__proto__` stays a key.
 */
import { isUtf8 } from 'node:buffer';
import { InputError } from '../core/errors.ts';
import {
  annotationExpectedRuntime,
  expectedRuntimeMs,
} from '../core/scheduling/expected-runtime.ts';
import type { PreemptionCandidate } from '../core/scheduling/extender-preempt.ts';
import type { AskingPod } from '../core/scheduling/reservation.ts';
import { isDeeperThan } from './json-depth.ts';
import { type NamedNodes, type NodeTable, namesMax } from './node-table.ts';

/** A pod is at most about 12 deep, a whole node about as much; this leaves room for growth. */
export const jsonDepthMax = 64;

/** Body of filter and of prioritize. */
export interface ExtenderArgs {
  readonly pod: AskingPod;
  /** The nodes asked about, found in the table. */
  readonly names: NamedNodes;
  /** Whole nodes, in the order of `names`, where the scheduler sends them (nodeCacheCapable: false). */
  readonly nodes: readonly unknown[] | undefined;
}

/** Body of bind. */
export interface BindingArgs {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string;
}

/** Body of preempt. */
export interface PreemptionArgs {
  readonly pod: AskingPod;
  readonly candidates: readonly PreemptionCandidate[];
}

type JsonObject = Readonly<Record<string, unknown>>;

const namesKey = Buffer.from('"NodeNames":[');

/**
 * Reads the body of filter or prioritize. The names are valid until `table` reads the next list.
 * @throws InputError
 */
export function decodeExtenderArgs(body: Buffer, table: NodeTable): ExtenderArgs {
  const split = splitAtNames(body, table);
  if (split !== undefined) {
    return { pod: askingPod(split.head), names: split.names, nodes: undefined };
  }
  const args = parseObject(body, body.length);
  const pod = askingPod(args);
  const given = args['NodeNames'] ?? undefined;
  if (given !== undefined) {
    const names = shortList(given, 'NodeNames').map((name, index) =>
      stringOf(name, `NodeNames[${index}]`),
    );
    return { pod, names: table.readStrings(names), nodes: undefined };
  }
  if (!isObject(args['Nodes'])) {
    throw new InputError({ field: 'NodeNames' }, 'expected a list of names, or a list in Nodes');
  }
  const nodes = shortList(args['Nodes']['items'] ?? [], 'Nodes.items');
  const names = nodes.map((node, index) => {
    const metadata = isObject(node) ? node['metadata'] : undefined;
    const name = isObject(metadata) ? metadata['name'] : undefined;
    return stringOf(name, `Nodes.items[${index}].metadata.name`);
  });
  return { pod, names: table.readStrings(names), nodes };
}

/**
 * Reads the body of bind.
 * @throws InputError
 */
export function decodeBindingArgs(body: Buffer): BindingArgs {
  const args = parseObject(body, body.length);
  return {
    namespace: nameOf(args, 'PodNamespace'),
    name: nameOf(args, 'PodName'),
    uid: nameOf(args, 'PodUID'),
    nodeName: nameOf(args, 'Node'),
  };
}

/**
 * Reads the body of preempt, in either mode.
 * @throws InputError
 */
export function decodePreemptionArgs(body: Buffer): PreemptionArgs {
  const args = parseObject(body, body.length);
  const pod = askingPod(args);
  const meta = args['NodeNameToMetaVictims'] ?? undefined;
  const candidates =
    meta === undefined
      ? candidatesOf(args['NodeNameToVictims'] ?? {}, 'NodeNameToVictims', uidOfPod)
      : candidatesOf(meta, 'NodeNameToMetaVictims', uidOfMetaPod);
  return { pod, candidates };
}

/** Undefined unless the names come last, plain, and everything before them is JSON. */
function splitAtNames(
  body: Buffer,
  table: NodeTable,
): { readonly head: JsonObject; readonly names: NamedNodes } | undefined {
  const key = body.lastIndexOf(namesKey);
  // A comma before the key ends a value or a string: a string would be left open in what is parsed.
  if (key < 1 || body[key - 1] !== 0x2c) {
    return undefined;
  }
  const list = table.readList(body, key + namesKey.length - 1);
  if (list === undefined || list.next !== body.length - 1 || body[list.next] !== 0x7d) {
    return undefined;
  }
  if (isDeeperThan(body, key, jsonDepthMax) || !isUtf8(body.subarray(0, key))) {
    return undefined;
  }
  const head = parsed(`${body.toString('utf8', 0, key - 1)}}`);
  return isObject(head) ? { head, names: list.names } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseObject(body: Buffer, end: number): JsonObject {
  if (isDeeperThan(body, end, jsonDepthMax)) {
    throw new InputError({}, `expected JSON nested at most ${jsonDepthMax} deep`);
  }
  if (!isUtf8(body)) {
    throw new InputError({}, 'expected JSON in UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8', 0, end));
  } catch (cause) {
    throw new InputError({}, `expected JSON: ${String(cause)}`);
  }
  if (!isObject(value)) {
    throw new InputError({}, 'expected a JSON object');
  }
  return value;
}

function askingPod(args: JsonObject): AskingPod {
  const pod = args['Pod'];
  if (!isObject(pod)) {
    throw new InputError({ field: 'Pod' }, 'expected a pod');
  }
  const metadata = pod['metadata'];
  if (!isObject(metadata)) {
    throw new InputError({ field: 'Pod.metadata' }, 'expected an object');
  }
  const annotations = metadata['annotations'];
  const expected = isObject(annotations) ? annotations[annotationExpectedRuntime] : undefined;
  const spec = pod['spec'];
  const deadline = isObject(spec) ? spec['activeDeadlineSeconds'] : undefined;
  return {
    namespace: stringOf(metadata['namespace'] ?? '', 'Pod.metadata.namespace'),
    name: stringOf(metadata['name'], 'Pod.metadata.name'),
    uid: stringOf(metadata['uid'], 'Pod.metadata.uid'),
    isDaemon: isDaemon(metadata['ownerReferences']),
    expectedRuntimeMs: expectedRuntimeMs(
      typeof expected === 'string' ? expected : undefined,
      typeof deadline === 'number' ? deadline : undefined,
    ),
  };
}

function isDaemon(ownerReferences: unknown): boolean {
  return (
    Array.isArray(ownerReferences) &&
    ownerReferences.some(
      (owner) => isObject(owner) && owner['controller'] === true && owner['kind'] === 'DaemonSet',
    )
  );
}

function candidatesOf(
  value: unknown,
  field: string,
  uidOf: (pod: unknown, field: string) => string,
): readonly PreemptionCandidate[] {
  if (!isObject(value)) {
    throw new InputError({ field }, 'expected victims by node name');
  }
  return Object.entries(value).map(([nodeName, victims]) => {
    const at = `${field}.${nodeName}`;
    if (!isObject(victims)) {
      throw new InputError({ field: at }, 'expected an object');
    }
    const violations = victims['NumPDBViolations'] ?? 0;
    if (!Number.isSafeInteger(violations)) {
      throw new InputError({ field: `${at}.NumPDBViolations` }, 'expected an integer');
    }
    const pods = listOf(victims['Pods'] ?? [], `${at}.Pods`);
    return {
      nodeName,
      victimUids: pods.map((pod, index) => uidOf(pod, `${at}.Pods[${index}]`)),
      budgetViolations: Number(violations),
    };
  });
}

function uidOfMetaPod(pod: unknown, field: string): string {
  return stringOf(isObject(pod) ? pod['UID'] : undefined, `${field}.UID`);
}

function uidOfPod(pod: unknown, field: string): string {
  const metadata = isObject(pod) ? pod['metadata'] : undefined;
  return stringOf(isObject(metadata) ? metadata['uid'] : undefined, `${field}.metadata.uid`);
}

function nameOf(args: JsonObject, field: string): string {
  const name = stringOf(args[field], field);
  if (name === '') {
    throw new InputError({ field }, 'expected a string that is not empty');
  }
  return name;
}

function stringOf(value: unknown, field: string): string {
  if (typeof value !== 'string') {
    throw new InputError({ field }, 'expected a string');
  }
  return value;
}

function listOf(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new InputError({ field }, 'expected a list');
  }
  return value;
}

function shortList(value: unknown, field: string): readonly unknown[] {
  const list = listOf(value, field);
  if (list.length > namesMax) {
    throw new InputError({ field }, `expected at most ${namesMax} nodes`);
  }
  return list;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
