// What a Node gets when its NodeClaim recognises it.

import t from 'tap';
import type { Live } from '../../../core/api/kinds.ts';
import type { Node, Taint } from '../../../core/api/kubernetes.ts';
import { pointerPart, registrationPatch } from '../../../core/lifecycle/registration.ts';
import { type ClaimOptions, liveClaim } from '../../support/claim-world.ts';

const unregistered: Taint = { key: 'karpenter.sh/unregistered', effect: 'NoExecute' };
const notReady: Taint = {
  key: 'node.kubernetes.io/not-ready',
  effect: 'NoExecute',
  timeAdded: '2026-01-01T00:00:00Z',
};

function node(metadata: Partial<Node['metadata']> = {}, taints?: Taint[]): Live<'Node'> {
  return {
    metadata: {
      name: 'node-1',
      uid: 'uid-1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/hostname': 'node-1' },
      ...metadata,
    },
    spec: { providerID: 'aws:///a/i-1', ...(taints === undefined ? {} : { taints }) },
  };
}

function values(of: Live<'Node'>, options: ClaimOptions = {}): Record<string, unknown> {
  const operations = registrationPatch(of, liveClaim(options));
  return Object.fromEntries(operations.map(({ path, value }) => [path, value]));
}

t.test('taints of the claim join those of the node, none twice, the first one goes', async (t) => {
  const startupTaints: Taint[] = [{ key: 'example.com/agent', effect: 'NoExecute' }];
  const reserved: Taint = { key: 'stowage.dev/reserved', effect: 'NoSchedule' };
  const found = values(node({}, [unregistered, notReady, { ...reserved, value: 'own' }]), {
    spec: { startupTaints },
  });
  t.strictSame(found['/spec/taints'], [notReady, { ...reserved, value: 'own' }, ...startupTaints]);
});

t.test('a node without taints left has no list of them', async (t) => {
  const options = { spec: { taints: [] } };
  const operations = registrationPatch(node({}, [unregistered]), liveClaim(options));
  t.match(
    operations.filter(({ path }) => path === '/spec/taints'),
    [{ op: 'remove' }],
  );
  t.notOk('/spec/taints' in values(node(), options), 'nor does it change what is right');
});

t.test('labels and annotations of the claim win; the hostname and our own stay', async (t) => {
  const labels = { team: 'blue', 'kubernetes.io/hostname': 'elsewhere' };
  const annotations = {
    'example.com/x': '1',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
  };
  const found = values(node({ labels: { team: 'green' }, annotations: { kept: 'yes' } }), {
    labels,
    annotations,
  });
  t.equal(found['/metadata/labels/team'], 'blue');
  t.equal(found['/metadata/labels/karpenter.sh~1registered'], 'true');
  t.equal(found['/metadata/annotations/example.com~1x'], '1');
  t.notOk(Object.keys(found).some((path) => /hostname|last-applied|stowage/.test(path)));
});

t.test('maps and lists that are not there are made', async (t) => {
  const { metadata, ...rest } = node();
  const { labels: _none, ...bare } = metadata;
  const found = values({ ...rest, metadata: bare });
  t.match(found['/metadata/labels'], { team: 'red', 'karpenter.sh/registered': 'true' });
  t.strictSame(found['/metadata/finalizers'], ['karpenter.sh/termination']);
  t.match(found['/metadata/ownerReferences'], [{ kind: 'NodeClaim', name: 'a' }]);
});

t.test('finalizers and owners of others stay', async (t) => {
  const owner = { kind: 'Machine', name: 'm', uid: 'uid-m' };
  const found = values(node({ finalizers: ['other/x'], ownerReferences: [owner] }));
  t.strictSame(found['/metadata/finalizers'], ['other/x', 'karpenter.sh/termination']);
  t.match(found['/metadata/ownerReferences'], [owner, { kind: 'NodeClaim' }]);
});

t.test('a registered node is left as it is: its startup taints may have gone', async (t) => {
  const registered = node({ labels: { 'karpenter.sh/registered': 'true' } }, [unregistered]);
  t.strictSame(registrationPatch(registered, liveClaim()), []);
});

t.test('keys are escaped as JSON pointers ask for', async (t) => {
  t.equal(pointerPart('a/b~c/d'), 'a~1b~0c~1d');
});
