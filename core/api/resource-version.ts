/**
 * Which of two versions of an object is the older one.
 *
 * In: two resourceVersions of one object. Out: whether the first is older. Kubernetes writes them as
 * decimal integers that count up (KEP-5504, in force since 1.35, true of etcd ever before); what is
 * no such number cannot be compared, and is not said to be older.
 */

const decimal = /^\d+$/;

/** False for versions that are equal or cannot be compared. */
export function isOlderVersion(version: string, other: string): boolean {
  return decimal.test(version) && decimal.test(other) && BigInt(version) < BigInt(other);
}
