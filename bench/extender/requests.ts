/**
 * Requests of kube-scheduler in any size, made from ones that were recorded.
 *
 * In: `requests.json` (see `capture.ts`), how many nodes. Out: bodies that differ from the recorded
 * ones in their names only. Names are those that EC2 gives to nodes in a VPC of
 * /16; outside of us-east-1 they carry the region and are longer.
 */
import { readFileSync } from 'node:fs';
import { createRandom } from '../random.ts';

/** Bodies, word for word, for two nodes. */
export interface CapturedRequests {
  readonly kubernetes: string;
  readonly filterNames: string;
  readonly prioritizeNames: string;
  readonly filterNodes: string;
}

export const captured: CapturedRequests = JSON.parse(
  readFileSync(new URL('./requests.json', import.meta.url), 'utf8'),
);

/** So many names of nodes, all different, the same for the same count. */
export function nodeNames(count: number): string[] {
  const addresses = new Set<number>();
  const random = createRandom(count, 'node names');
  while (addresses.size < count) {
    addresses.add(random.below(2 ** 16));
  }
  return [...addresses].map(
    (address) => `ip-10-0-${address >> 8}-${address & 255}.eu-central-1.compute.internal`,
  );
}

/** The recorded request in the mode of node names, about these nodes. */
export function namesRequest(verb: 'filter' | 'prioritize', names: readonly string[]): Buffer {
  const body = verb === 'filter' ? captured.filterNames : captured.prioritizeNames;
  return Buffer.from(
    body.replace(/"NodeNames":\[[^\]]*\]/, () => `"NodeNames":${JSON.stringify(names)}`),
  );
}

/** The recorded request in the mode of whole nodes, about these nodes. */
export function nodesRequest(names: readonly string[]): Buffer {
  const body = JSON.parse(captured.filterNodes);
  const [node] = body.Nodes.items;
  body.Nodes.items = names.map((name) => ({ ...node, metadata: { ...node.metadata, name } }));
  return Buffer.from(JSON.stringify(body));
}
