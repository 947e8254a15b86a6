/**
 * What a machine learns from its launch: how its kubelet registers.
 *
 * In: user data text. Out: labels and taints. `cloud.ts` writes JSON; a wire front hands over what
 * a real AMI would read and brings a reader of its own.
 */
import type { EC2NodeClass } from '../core/api/ec2nodeclass.ts';
import type { Taint } from '../core/api/kubernetes.ts';

export interface UserData {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Settings of the kubelet and the disks; absent: those of an AL2023 image. */
  readonly nodeClass?: EC2NodeClass;
}

/** Reads user data; `undefined` where a real machine would not join either. */
export type UserDataReader = (text: string) => UserData | undefined;

/** The reader of what `cloud.ts` writes. */
export const readJsonUserData: UserDataReader = (text) => {
  try {
    const value = JSON.parse(text) as Partial<UserData>;
    return { ...value, labels: value.labels ?? {}, taints: value.taints ?? [] };
  } catch {
    return undefined;
  }
};
