/** What the manifests allow, on a real API server: all that is needed, and nothing that is not. */
import t, { type Test } from 'tap';
import type { ApiClient } from '../control-plane/api-client.ts';
import { buildAllowanceMs, unavailableReason } from '../control-plane/build.ts';
import { SYSTEM_UNDER_TEST, startControlPlane } from '../control-plane/control-plane.ts';
import { collectionPath, findObject, readManifests } from './read-manifests.ts';

const deadlineMs = 60_000;

/** Purpose -> `verbs group/resource[:name]`; the core group is written as `core`. */
const needs: Readonly<Record<string, readonly string[]>> = {
  'read pods and nodes': ['get,list,watch core/pods', 'get,list,watch core/nodes'],
  'read the labels of namespaces': ['get,list,watch core/namespaces'],
  'read volumes, for zones and attach limits': [
    'get,list,watch core/persistentvolumes',
    'get,list,watch core/persistentvolumeclaims',
    'get,list,watch storage.k8s.io/storageclasses',
    'get,list,watch storage.k8s.io/csinodes',
    'get,list,watch storage.k8s.io/volumeattachments',
  ],
  'count the room of DaemonSets': ['get,list,watch apps/daemonsets'],
  'rank pods': ['get,list,watch scheduling.k8s.io/priorityclasses'],
  'respect disruption budgets': ['get,list,watch policy/poddisruptionbudgets'],
  'bind planned pods': ['create core/pods/binding'],
  'drain nodes': ['create core/pods/eviction', 'delete core/pods'],
  'taint, label and remove nodes': ['patch,delete core/nodes'],
  'keep the pools': [
    'get,list,watch,patch karpenter.sh/nodepools',
    'patch karpenter.sh/nodepools/status',
  ],
  'keep the claims': [
    'get,list,watch,create,patch,delete karpenter.sh/nodeclaims',
    'patch karpenter.sh/nodeclaims/status',
  ],
  'follow the price overlays, and say whether they are applied': [
    'get,list,watch karpenter.sh/nodeoverlays',
    'patch karpenter.sh/nodeoverlays/status',
  ],
  'keep the node classes of both groups': [
    'get,list,watch,patch karpenter.k8s.aws/ec2nodeclasses',
    'patch karpenter.k8s.aws/ec2nodeclasses/status',
    'get,list,watch,patch stowage.dev/ec2nodeclasses',
    'patch stowage.dev/ec2nodeclasses/status',
  ],
  'say why': ['create,patch core/events'],
  'see whether Karpenter leads': ['list coordination.k8s.io/leases:karpenter-leader-election'],
};
const leaderNeeds: readonly string[] = [
  'create coordination.k8s.io/leases',
  'get,update,patch coordination.k8s.io/leases:stowage-leader',
];

/** What an intruder would want. */
const forbidden: readonly string[] = [
  'get,list,watch core/secrets',
  'get,list,watch core/configmaps',
  'create,update core/nodes',
  'create,patch,update core/pods',
  'create core/pods/exec',
  'create core/pods/attach',
  'create core/serviceaccounts/token',
  'patch core/nodes/status',
  'patch core/pods/status',
  'delete core/persistentvolumes',
  'update core/namespaces',
  'create,delete karpenter.sh/nodepools',
  'delete karpenter.k8s.aws/ec2nodeclasses',
  'get,update coordination.k8s.io/leases:kube-scheduler',
  'create,update,bind,escalate rbac.authorization.k8s.io/clusterroles',
  'create rbac.authorization.k8s.io/clusterrolebindings',
  'impersonate core/users',
  'create admissionregistration.k8s.io/mutatingwebhookconfigurations',
];

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** One right a string: `verb group/resource[:name]`. */
function rightsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [verbs = '', what = ''] = line.split(' ');
    return verbs.split(',').map((verb) => `${verb} ${what}`);
  });
}

function rightsOfRules(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, resourceNames = [''], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map(
            (verb) =>
              `${verb} ${group === '' ? 'core' : group}/${resource}${name === '' ? '' : `:${name}`}`,
          ),
        ),
      ),
    ),
  );
}

const manifests = await readManifests('deploy');
const rulesOf = (kind: string, name: string): readonly Rule[] =>
  findObject(manifests, kind, name)['rules'] as readonly Rule[];

t.test('every rule is needed for something, and every need has its rule', async (t) => {
  t.strictSame(
    new Set(rightsOfRules(rulesOf('ClusterRole', 'stowage'))),
    new Set(rightsOf(Object.values(needs).flat())),
  );
  t.strictSame(
    new Set(rightsOfRules(rulesOf('Role', 'stowage-leader'))),
    new Set(rightsOf(leaderNeeds)),
  );
});

t.test('no rule has a wildcard, and bindings name our account only', async (t) => {
  for (const { file, object } of manifests) {
    t.notMatch(JSON.stringify(object['rules'] ?? []), /"\*"/, `${file}: ${object.metadata.name}`);
    for (const subject of (object['subjects'] ?? []) as object[]) {
      t.strictSame(subject, {
        kind: 'ServiceAccount',
        name: 'stowage',
        namespace: 'stowage-system',
      });
    }
  }
});

const reason = await unavailableReason();
if (reason !== undefined && process.env['CI'] === 'true') t.fail(reason);
t.setTimeout((await buildAllowanceMs()) + 5 * deadlineMs);

t.test('rights on a real API server', { skip: reason ?? false }, async (t) => {
  const plane = await startControlPlane({ schedulers: [], log: (line) => t.comment(line) });
  t.teardown(async () => await plane.stop());
  await plane.client.expect('POST', '/api/v1/namespaces', {
    ...findObject(manifests, 'Namespace', 'stowage-system'),
  });
  for (const { object } of manifests.filter(({ file }) => file === 'deploy/rbac.yaml')) {
    await plane.client.expect('POST', collectionPath(object), object);
  }
  const account = plane.clientOf(SYSTEM_UNDER_TEST.name);
  t.teardown(() => account.close());
  const endMs = performance.now() + deadlineMs;
  // The authorizer follows roles by a watch of its own.
  while (!(await isAllowed(account, 'create core/events')) && performance.now() < endMs);

  await t.test('the account may do what it has to', async (t) => {
    for (const right of rightsOf(Object.values(needs).flat())) {
      t.equal(await isAllowed(account, right), true, right);
    }
    for (const right of rightsOf(leaderNeeds)) {
      t.equal(await isAllowed(account, right, 'stowage-system'), true, right);
    }
  });
  await t.test('it finds the Lease of a Karpenter in any namespace, and no other', async (t) => {
    const leases = '/apis/coordination.k8s.io/v1/leases';
    const ofName = `${leases}?fieldSelector=metadata.name%3Dkarpenter-leader-election`;
    t.equal((await account.send('GET', ofName)).status, 200);
    t.equal((await account.send('GET', leases)).status, 403);
  });
  await t.test('and nothing else', async (t) => await checkForbidden(t, account));
});

async function checkForbidden(t: Test, account: ApiClient): Promise<void> {
  for (const right of rightsOf(forbidden)) {
    t.equal(await isAllowed(account, right, 'kube-system'), false, right);
  }
  for (const right of rightsOf(leaderNeeds)) {
    t.equal(await isAllowed(account, right, 'kube-system'), false, `${right} elsewhere`);
  }
}

async function isAllowed(client: ApiClient, right: string, namespace = ''): Promise<boolean> {
  const [verb = '', what = ''] = right.split(' ');
  const [path = '', name = ''] = what.split(':');
  const [group = '', resource = '', subresource = ''] = path.split('/');
  const resourceAttributes = {
    verb,
    group: group === 'core' ? '' : group,
    resource,
    subresource,
    name,
    namespace,
  };
  const { status } = await client.expect<{ status: { allowed: boolean } }>(
    'POST',
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { spec: { resourceAttributes } },
  );
  return status.allowed;
}
