/**
 * How a process under test speaks to the cloud in the test's own process: a POST per call, JSON.
 *
 * In: nothing. Out: the calls with their questions and answers, shared by both ends. A refusal is
 * a 503 with the code and message of a CloudError. Not a wire of any real cloud.
 */
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type {
  CloudError,
  CloudInstance,
  LaunchOutcome,
  LaunchRequest,
} from '../../core/cloud-port.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';

/** Question and answer of every call; the name is the path. */
export interface CloudCalls {
  /** Types are left out of the answer where the asker has this version already. */
  readonly 'instance-types': {
    readonly question: { readonly nodeClass: EC2NodeClass; readonly knownVersion: number };
    readonly answer: { readonly version: number; readonly types?: readonly InstanceType[] };
  };
  readonly launch: { readonly question: LaunchRequest; readonly answer: LaunchOutcome };
  readonly list: {
    readonly question: object;
    readonly answer: { readonly instances: readonly CloudInstance[] };
  };
  readonly get: {
    readonly question: { readonly providerID: string };
    readonly answer: { readonly instance?: CloudInstance };
  };
  readonly tag: {
    readonly question: {
      readonly providerID: string;
      readonly tags: Readonly<Record<string, string>>;
    };
    readonly answer: object;
  };
  readonly terminate: {
    readonly question: { readonly providerID: string };
    readonly answer: { readonly outcome: 'terminating' | 'gone' };
  };
}

/** The body of a 503. */
export interface CloudRefusal {
  readonly code: CloudError['code'];
  readonly message: string;
}
