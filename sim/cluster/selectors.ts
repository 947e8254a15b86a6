/**
 * Label and field selectors as clients write them in requests.
 *
 * In: text such as `a=b,c in (d,e),!f`. Out: a predicate, or a ClusterError `Invalid`. Grammar:
 * `k8s.io/apimachinery/pkg/labels` (without `<` and `>`) and `pkg/fields`.
 */
import type { Kind } from '../../core/api/kinds.ts';
import type { ObjectMeta, Pod } from '../../core/api/kubernetes.ts';
import { ClusterError } from '../../core/ports.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelPredicate = (labels: Labels) => boolean;

/** What a selection looks at. */
export interface Selectable {
  readonly metadata: ObjectMeta;
}

const everything = (): boolean => true;

/** @throws ClusterError `Invalid` where the text is no label selector */
export function parseLabelSelector(text: string | undefined): LabelPredicate {
  if (text === undefined || text.trim() === '') return everything;
  const predicates = splitOutsideParentheses(text).map((part) => parseRequirement(part, text));
  return (labels) => predicates.every((holds) => holds(labels));
}

/** @throws ClusterError `Invalid` where the text is no field selector, or the kind has no such field */
export function parseFieldSelector(
  kind: Kind,
  text: string | undefined,
): (object: Selectable) => boolean {
  if (text === undefined || text.trim() === '') return everything;
  const predicates = text.split(',').map((part) => {
    const match = /^([^=!]+)(!=|==|=)(.*)$/.exec(part.trim());
    const [, field = '', operator = '', value = ''] = match ?? [];
    const read = match === null ? undefined : fieldReader(kind, field);
    if (read === undefined) {
      throw new ClusterError('Invalid', `"${part}" is no field selector for ${kind}`);
    }
    return (object: Selectable) => (read(object) === value) === (operator !== '!=');
  });
  return (object) => predicates.every((holds) => holds(object));
}

function fieldReader(kind: Kind, field: string): ((object: Selectable) => string) | undefined {
  if (field === 'metadata.name') return ({ metadata }) => metadata.name ?? '';
  if (field === 'metadata.namespace') return ({ metadata }) => metadata.namespace ?? '';
  if (kind !== 'Pod') return undefined;
  const ofPod: Readonly<Record<string, (pod: Pod) => string>> = {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  };
  const read = ofPod[field];
  return read === undefined ? undefined : (object) => read(object as Pod);
}

function parseRequirement(part: string, whole: string): LabelPredicate {
  const text = part.trim();
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator = '', list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => {
      const value = labels[key];
      return value === undefined ? operator === 'notin' : values.has(value) === (operator === 'in');
    };
  }
  const equality = /^([^\s=!]+)\s*(!=|==|=)\s*([^\s=!]*)$/.exec(text);
  if (equality !== null) {
    const [, key = '', operator = '', value = ''] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const existence = /^(!?)\s*([^\s=!()]+)$/.exec(text);
  if (existence !== null) {
    const [, not = '', key = ''] = existence;
    return (labels) => (labels[key] !== undefined) === (not === '');
  }
  throw new ClusterError('Invalid', `unable to parse the label selector "${whole}" at "${text}"`);
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}
