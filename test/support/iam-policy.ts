/**
 * Whether an IAM policy allows a call.
 *
 * In: a policy document, what AWS would ask of it: an action, a resource, keys of the request. Out:
 * allowed or not, and which actions the policy names. As much of IAM's language as our policies use:
 * Allow statements, `*` in resources, StringEquals, and the same for all values of a key.
 */

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: {
    readonly StringEquals?: Readonly<Record<string, string | readonly string[]>>;
    /** True of a key without values, as IAM has it. */
    readonly 'ForAllValues:StringEquals'?: Readonly<Record<string, readonly string[]>>;
  };
}

export interface Policy {
  readonly Statement: readonly PolicyStatement[];
}

/** What AWS asks when a call is made. */
export interface Authorization {
  /** `service:Action`. */
  readonly action: string;
  /** ARN, or `*` for actions that are about no resource. */
  readonly resource: string;
  /** Such as `aws:RequestTag/team`. */
  readonly keys: Readonly<Record<string, string>>;
  /** Keys with several values, such as `aws:TagKeys`. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
}

export function isAllowed({ Statement }: Policy, authorization: Authorization): boolean {
  const { action, resource, keys, lists = {} } = authorization;
  return Statement.some(
    ({ Action, Resource, Condition }) =>
      listOf(Action).includes(action) &&
      listOf(Resource).some((pattern) => matches(pattern, resource)) &&
      Object.entries(Condition?.StringEquals ?? {}).every(([key, values]) =>
        listOf(values).includes(keys[key] ?? ''),
      ) &&
      Object.entries(Condition?.['ForAllValues:StringEquals'] ?? {}).every(([key, values]) =>
        (lists[key] ?? []).every((value) => values.includes(value)),
      ),
  );
}

/** Every action that some statement names, in ascending order. */
export function actionsOf({ Statement }: Policy): readonly string[] {
  return [...new Set(Statement.flatMap(({ Action }) => listOf(Action)))].toSorted();
}

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*')}$`).test(text);
}
