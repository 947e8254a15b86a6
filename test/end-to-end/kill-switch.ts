/**
 * Kills a process from outside, at its n-th call of a kind, right before it is done or right after.
 *
 * In: what kills; a point. Out: whether a call that passes is that point: the process is dead then, and
 * whoever carries the call gives no answer. The product needs no part of it.
 */

export interface KillPoint {
  /** As in `ec2:CreateFleet` or `POST nodeclaims`. */
  readonly call: string;
  /** Before: nothing is done. After: it is done, and the caller never learns of it. */
  readonly moment: 'before' | 'after';
  /** The how manieth such call, from 1. */
  readonly number: number;
}

export interface KillSwitch {
  /** Takes the place of a point that was not reached. */
  arm(point: KillPoint): void;
  disarm(): void;
  /** Points that were reached so far. */
  readonly kills: number;
  /** Told of every call, at both moments; true where it has just killed. */
  passes(call: string, moment: KillPoint['moment']): boolean;
}

/** @param kill ends the process at once, as SIGKILL does */
export function createKillSwitch(kill: () => void): KillSwitch {
  let armed: KillPoint | undefined;
  let seen = 0;
  let kills = 0;
  return {
    arm: (point) => {
      armed = point;
      seen = 0;
    },
    disarm: () => {
      armed = undefined;
    },
    get kills() {
      return kills;
    },
    passes: (call, moment) => {
      if (armed === undefined || armed.call !== call || armed.moment !== moment) return false;
      seen += 1;
      if (seen < armed.number) return false;
      armed = undefined;
      kills += 1;
      kill();
      return true;
    },
  };
}

/** In words, for messages. */
export function describeKillPoint({ call, moment, number }: KillPoint): string {
  return `${moment} ${call} number ${number}`;
}
