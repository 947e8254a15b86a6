// Volumes that a node has to give back before it goes.

import t from 'tap';
import type { VolumeAttachment } from '../../../core/api/control-objects.ts';
import { attachmentsAwaited } from '../../../core/disruption/volume-attachments.ts';
import { livePod } from '../../support/live-pods.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');

function attachment(volume: string | undefined, nodeName = 'node-1'): VolumeAttachment {
  const source = volume === undefined ? {} : { persistentVolumeName: volume };
  return { metadata: { name: `of-${volume}` }, spec: { attacher: 'ebs', nodeName, source } };
}

const claims = new Map([
  ['default/data', { metadata: {}, spec: { volumeName: 'pv-data' } }],
  ['default/b-scratch', { metadata: {}, spec: { volumeName: 'pv-scratch' } }],
]);
const claimNamed = ({ namespace = '', name }: { namespace?: string; name: string }) =>
  claims.get(`${namespace}/${name}`);
const mounts = (tolerates: boolean) => ({
  spec: {
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      { name: 'scratch', ephemeral: {} },
      { name: 'unknown', persistentVolumeClaim: { claimName: 'nobody' } },
    ],
    ...(tolerates ? { tolerations: [{ operator: 'Exists' as const }] } : {}),
  },
});
const all = [
  attachment('pv-data'),
  attachment('pv-scratch'),
  attachment('pv-other'),
  attachment(undefined),
  attachment('pv-far', 'node-2'),
];
const awaited = (pods: Parameters<typeof attachmentsAwaited>[2]): string[] =>
  attachmentsAwaited(all, 'node-1', pods, claimNamed, nowMs).map(
    ({ metadata }) => metadata.name ?? '',
  );

t.test('attachments of the node that stand on a volume are waited for', async (t) => {
  t.same(awaited([]), ['of-pv-data', 'of-pv-scratch', 'of-pv-other']);
  t.same(awaited([livePod('b', mounts(false))]), ['of-pv-data', 'of-pv-scratch', 'of-pv-other']);
});

t.test('those of pods that stay to the end are not', async (t) => {
  t.same(awaited([livePod('b', mounts(true))]), ['of-pv-other']);
  const stuck = { ...mounts(false), deletionMs: nowMs - 61_000 };
  t.same(awaited([livePod('b', stuck)]), ['of-pv-other']);
});
