/** The workload that a pod's name and owner point to. */
import t from 'tap';
import type { SnapshotPod } from '../../../core/state/snapshot.ts';
import { workloadName } from '../../../extender/output/workload-name.ts';

function nameOf(
  name: string,
  ownerKind = '',
  labels: Readonly<Record<string, string>> = {},
): string {
  return workloadName({ namespace: 'ns', name, ownerKind, labels } as SnapshotPod);
}

const cases = [
  {
    what: 'a Deployment, by the hash of its template',
    name: nameOf('web-7d4b9c5f6-x2x7q', 'ReplicaSet', { 'pod-template-hash': '7d4b9c5f6' }),
    expected: 'ns/web',
  },
  { what: 'a ReplicaSet', name: nameOf('web-x2x7q', 'ReplicaSet'), expected: 'ns/web' },
  { what: 'a StatefulSet', name: nameOf('db-12', 'StatefulSet'), expected: 'ns/db' },
  { what: 'a Job', name: nameOf('render-qk8x9', 'Job'), expected: 'ns/render' },
  { what: 'an indexed Job', name: nameOf('render-3-qk8x9', 'Job'), expected: 'ns/render' },
  { what: 'a CronJob', name: nameOf('nightly-28391234-qk8x9', 'Job'), expected: 'ns/nightly' },
  { what: 'an expanded Deployment', name: nameOf('web-17', 'Deployment'), expected: 'ns/web' },
  { what: 'a numbered pod', name: nameOf('load-000123'), expected: 'ns/load' },
  { what: 'a pod by itself', name: nameOf('debug-shell'), expected: 'ns/debug-shell' },
  { what: 'a pod that is only a number', name: nameOf('-7'), expected: 'ns/-7' },
];

for (const { what, name, expected } of cases) {
  t.test(`the workload of ${what}`, (t) => {
    t.equal(name, expected);
    t.end();
  });
}
