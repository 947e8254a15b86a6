/**
 * The user data of an instance, by AMI family.
 *
 * In: an EC2NodeClass, a bootstrap, TOML's reader and writer. Out: text, or why there can be none.
 * Custom images get the user's text as it is. EC2 takes 16 KiB.
 */
import type { EC2NodeClass } from '../../api/ec2nodeclass.ts';
import { amiFamily } from '../../scheduling/ami-family.ts';
import { al2UserData } from './al2.ts';
import { al2023UserData, mimeProblem } from './al2023.ts';
import type { Bootstrap } from './bootstrap.ts';
import { bottlerocketSettings, type Settings } from './bottlerocket.ts';
import { windowsUserData } from './windows.ts';

/** TOML, from a library that core does not know. */
export interface Toml {
  /** @throws Error with a message for people */
  parse(text: string): Settings;
  stringify(settings: Settings): string;
}

export const userDataBytesMax = 16 * 1024;

export type UserDataOutcome =
  | { readonly text: string }
  /** For people; the node class is to be changed. */
  | { readonly problem: string };

/** Pure. */
export function userData(
  nodeClass: EC2NodeClass,
  bootstrap: Bootstrap,
  toml: Toml,
): UserDataOutcome {
  const family = amiFamily(nodeClass);
  if (family.name === 'Custom') return { text: bootstrap.custom ?? '' };
  if (family.operatingSystem === 'windows') return { text: windowsUserData(bootstrap) };
  if (family.name === 'Bottlerocket') return bottlerocketUserData(bootstrap, toml);
  const problem = mimeProblem(bootstrap.custom);
  if (problem !== undefined) return { problem: `spec.userData: ${problem}` };
  return { text: family.name === 'AL2' ? al2UserData(bootstrap) : al2023UserData(bootstrap) };
}

function bottlerocketUserData(bootstrap: Bootstrap, toml: Toml): UserDataOutcome {
  let user: Settings;
  try {
    user = toml.parse(bootstrap.custom ?? '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `spec.userData: expected TOML: ${reason}` };
  }
  return { text: toml.stringify(bottlerocketSettings(bootstrap, user)) };
}
