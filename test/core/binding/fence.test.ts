/** Which fence a node needs, and whom the taint locks out. */
import t from 'tap';
import type { DaemonSet, PodSpec } from '../../../core/api/kubernetes.ts';
import {
  devicesOf,
  fenceFor,
  isPlacedByScheduler,
  locksOutDaemons,
} from '../../../core/binding/fence.ts';
import { daemonTemplates } from '../../../core/scheduling/daemonsets.ts';

const requests = (list: Record<string, string>): PodSpec => ({
  containers: [{ name: 'main', resources: { requests: list } }],
});
const plain = requests({ cpu: '1', memory: '1Gi', 'hugepages-2Mi': '4Mi' });
const gpu = requests({ cpu: '1', 'nvidia.com/gpu': '1' });
const volume: PodSpec = {
  ...plain,
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
};

t.test(
  'what kube-scheduler must settle weighs more than devices, they more than nothing',
  async (t) => {
    t.equal(fenceFor([]), 'binding');
    t.equal(fenceFor([plain, plain]), 'binding');
    t.equal(fenceFor([plain, gpu]), 'devices');
    t.equal(fenceFor([gpu, volume]), 'claims');
    t.equal(fenceFor([volume, gpu]), 'claims');
  },
);

t.test(
  'claims of volumes and of devices are for kube-scheduler, other volumes are not',
  async (t) => {
    t.equal(isPlacedByScheduler(plain), false);
    t.equal(isPlacedByScheduler({ ...plain, volumes: [{ name: 'scratch' }] }), false);
    t.equal(isPlacedByScheduler(volume), true);
    t.equal(isPlacedByScheduler({ ...plain, volumes: [{ name: 'a', ephemeral: {} }] }), true);
    t.equal(isPlacedByScheduler({ ...plain, resourceClaims: [{ name: 'gpu' }] }), true);
  },
);

t.test('devices are what no kubelet has by itself', async (t) => {
  t.strictSame(devicesOf(plain), []);
  t.strictSame(devicesOf(gpu), ['nvidia.com/gpu']);
});

t.test('a DaemonSet is locked out unless it tolerates the reserved taint', async (t) => {
  const daemon = (tolerations: PodSpec['tolerations']): DaemonSet => ({
    metadata: { namespace: 'kube-system', name: 'd' },
    spec: {
      selector: { matchLabels: { app: 'd' } },
      template: { spec: { ...plain, ...(tolerations === undefined ? {} : { tolerations }) } },
    },
  });
  const all = daemon([{ operator: 'Exists' }]);
  const ours = daemon([{ key: 'stowage.dev/reserved', operator: 'Exists' }]);
  t.equal(locksOutDaemons(daemonTemplates([], [])), false);
  t.equal(locksOutDaemons(daemonTemplates([all, ours], [])), false);
  t.equal(locksOutDaemons(daemonTemplates([all, daemon(undefined)], [])), true);
});
