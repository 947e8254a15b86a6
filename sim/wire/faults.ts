/**
 * What may go wrong between a caller and AWS.
 *
 * In: rules, each for the next calls of an action. Out: what becomes of a call. Rules come from a
 * scenario, the admin endpoint or a test; the first that matches is used.
 */

export type WireFault =
  /** Nothing is done and the caller is told. */
  | {
      readonly type: 'refuse';
      readonly code: string;
      readonly message?: string;
      /** Otherwise the code's own. */
      readonly status?: number;
    }
  /** Nothing is done and the connection ends. */
  | { readonly type: 'lose-request' }
  /** It is done and the connection ends. */
  | { readonly type: 'lose-answer' }
  /** It is done later. */
  | { readonly type: 'delay'; readonly delayMs: number };

export interface FaultRule {
  /** As in `ec2:CreateFleet`, `ec2:*` or `*`. */
  readonly action: string;
  readonly fault: WireFault;
  /** How many calls; 1 unless given. */
  readonly times?: number;
}

export interface WireFaults {
  on(service: string, action: string): WireFault | undefined;
}

export interface FaultRules extends WireFaults {
  add(rule: FaultRule): void;
  clear(): void;
  /** Calls that will still go wrong. */
  readonly pending: number;
}

const rulesMax = 10_000;

export function createFaultRules(): FaultRules {
  let rules: { readonly action: string; readonly fault: WireFault; left: number }[] = [];
  return {
    add: ({ action, fault, times = 1 }) => {
      if (rules.length >= rulesMax) throw new RangeError('there are too many rules');
      rules.push({ action, fault, left: times });
    },
    clear: () => {
      rules = [];
    },
    get pending() {
      return rules.reduce((sum, { left }) => sum + left, 0);
    },
    on: (service, action) => {
      const names = [`${service}:${action}`, `${service}:*`, '*'];
      const rule = rules.find((one) => names.includes(one.action));
      if (rule === undefined) return undefined;
      rule.left -= 1;
      if (rule.left <= 0) rules = rules.filter((one) => one !== rule);
      return rule.fault;
    },
  };
}
