/**
 * What `stowage doctor` looks at in the cluster.
 *
 * In: a connection to the API server, what is to run there. Out: findings: whether it answers, has
 * our kinds, lets us do what `manifests/deploy/rbac.yaml` asks for, and has our scheduler profile.
 * It changes nothing.
 */
import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import { type Kind, kinds } from '../../core/api/kinds.ts';
import { type ClusterClient, ClusterError, isClusterError } from '../../core/ports.ts';
import { assetPath } from '../../workers/assets.ts';
import type { Transport } from '../adapters/kubernetes/transport.ts';
import { type Finding, fail, ok, warn } from './doctor-findings.ts';

export interface ClusterQuestion {
  readonly client: ClusterClient;
  readonly transport: Transport;
  readonly namespace: string;
  readonly serviceAccount: string | undefined;
}

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly namespace: string;
}

interface RoleDocument {
  readonly kind?: string;
  readonly metadata?: { readonly namespace?: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

const reviewsAtOnce = 10;
const applyManifests = 'kubectl apply --server-side -k manifests';
const neededKinds = ['NodePool', 'NodeClaim', 'EC2NodeClass'] as const satisfies readonly Kind[];

/** The first finding says whether the rest could be looked at. */
export async function checkCluster(question: ClusterQuestion): Promise<readonly Finding[]> {
  const reached = await checkReach(question);
  if (reached.level === 'fail') return [reached];
  return [
    reached,
    ...(await checkKinds(question)),
    ...(await checkRights(question)),
    await checkScheduler(question),
    await checkPools(question),
  ];
}

async function checkReach({ transport }: ClusterQuestion): Promise<Finding> {
  try {
    const { body } = await transport.call({ method: 'GET', path: '/version' });
    const { gitVersion = 'of unknown version' } = (body ?? {}) as { readonly gitVersion?: string };
    return ok('cluster', 'API server', `Kubernetes ${gitVersion}`);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const fix =
      error.code === 'Unauthorized'
        ? 'renew the credentials of the kubeconfig'
        : 'look at the address and the network, or name another --kubeconfig';
    return fail('cluster', 'API server', `${error.code}: ${error.message}`, fix);
  }
}

async function checkKinds({ client }: ClusterQuestion): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const kind of neededKinds) {
    const { apiVersion } = kinds[kind];
    findings.push(
      (await client.serves(kind))
        ? ok('kinds', kind, apiVersion)
        : fail('kinds', kind, `${apiVersion} is not served`, 'kubectl apply -f manifests/crds'),
    );
  }
  return findings;
}

async function checkRights(question: ClusterQuestion): Promise<readonly Finding[]> {
  const rights = neededRights(question.namespace);
  const whose = question.serviceAccount ?? 'you';
  const missing: Right[] = [];
  const waiting = [...rights];
  const work = async (): Promise<void> => {
    for (let right = waiting.shift(); right !== undefined; right = waiting.shift()) {
      if (!(await isAllowed(question, right))) missing.push(right);
    }
  };
  try {
    await Promise.all(Array.from({ length: reviewsAtOnce }, work));
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const detail = `cannot be asked for: ${error.message}`;
    const fix = 'ask as somebody who may create access reviews';
    return [warn('rights', whose, detail, fix)];
  }
  if (missing.length === 0) {
    return [ok('rights', whose, `all ${rights.length} that manifests/deploy/rbac.yaml asks for`)];
  }
  return missing.map((right) => {
    const place = right.namespace === '' ? '' : ` in ${right.namespace}`;
    const what = [right.resource, right.subresource].filter((part) => part !== '').join('/');
    const detail = `may not ${right.verb} ${what}${right.group === '' ? '' : `.${right.group}`}${place}`;
    return fail('rights', whose, detail, `${applyManifests} (deploy/rbac.yaml)`);
  });
}

/** What the manifest grants is what is needed: a test holds it to that. */
function neededRights(namespace: string): readonly Right[] {
  const text = readFileSync(assetPath('manifests/deploy/rbac.yaml'), 'utf8');
  const documents = [...parseAllDocuments(text)].map((one) => one.toJS() as RoleDocument);
  return documents
    .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    .flatMap(({ kind, rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [''] }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((path) =>
            verbs.flatMap((verb) =>
              resourceNames.map((name) => {
                const [resource = '', subresource = ''] = path.split('/');
                const where = kind === 'Role' ? namespace : '';
                return { verb, group, resource, subresource, name, namespace: where };
              }),
            ),
          ),
        ),
      ),
    );
}

/** @throws ClusterError */
async function isAllowed(
  { transport, serviceAccount }: ClusterQuestion,
  { verb, group, resource, subresource, name, namespace }: Right,
): Promise<boolean> {
  const resourceAttributes = { verb, group, resource, subresource, name, namespace };
  const [accountNamespace = '', accountName = ''] = (serviceAccount ?? '').split('/');
  const path = '/apis/authorization.k8s.io/v1/';
  const apiVersion = 'authorization.k8s.io/v1';
  const { body } = await transport.call(
    serviceAccount === undefined
      ? {
          method: 'POST',
          path: `${path}selfsubjectaccessreviews`,
          body: { apiVersion, kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } },
        }
      : {
          method: 'POST',
          path: `${path}subjectaccessreviews`,
          body: {
            apiVersion,
            kind: 'SubjectAccessReview',
            spec: {
              user: `system:serviceaccount:${accountNamespace}:${accountName}`,
              groups: [
                'system:serviceaccounts',
                `system:serviceaccounts:${accountNamespace}`,
                'system:authenticated',
              ],
              resourceAttributes,
            },
          },
        },
  );
  return (body as { readonly status?: { readonly allowed?: boolean } }).status?.allowed === true;
}

/** What the profile has to say (design section 7.6). */
async function checkScheduler({ transport, namespace }: ClusterQuestion): Promise<Finding> {
  const subject = 'profile stowage';
  const apply = `${applyManifests} (deploy/scheduler-configuration.yaml)`;
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/stowage-scheduler`;
  try {
    const { body } = await transport.call({ method: 'GET', path });
    const text = (body as { readonly data?: Record<string, string> }).data?.['scheduler.yaml'];
    const problems = profileProblems(text === undefined ? undefined : parse(text));
    return problems.length === 0
      ? ok('scheduler', subject, 'asks the extender by node names, packs, and goes on without it')
      : warn('scheduler', subject, problems.join('; '), apply);
  } catch (error) {
    if (isClusterError(error, 'NotFound')) {
      const detail = `there is no ConfigMap ${namespace}/stowage-scheduler`;
      return warn(
        'scheduler',
        subject,
        detail,
        `pods are bound to nodes launched for them without it, too; for packing of what is left over: ${apply}`,
      );
    }
    if (!(error instanceof ClusterError)) throw error;
    return warn('scheduler', subject, error.message, 'ask as somebody who may read the ConfigMap');
  }
}

function profileProblems(configuration: unknown): readonly string[] {
  const { extenders, percentageOfNodesToScore } = (configuration ?? {}) as {
    readonly extenders?: readonly Readonly<Record<string, unknown>>[];
    readonly percentageOfNodesToScore?: number;
  };
  const [extender] = extenders ?? [];
  if (extender === undefined) return ['names no extender'];
  return [
    ...(extender['nodeCacheCapable'] === true ? [] : ['nodeCacheCapable is not true']),
    ...(extender['ignorable'] === true ? [] : ['ignorable is not true']),
    ...(percentageOfNodesToScore === 100 ? [] : ['percentageOfNodesToScore is not 100']),
  ];
}

async function checkPools({ client }: ClusterQuestion): Promise<Finding> {
  try {
    const { items } = await client.list('NodePool');
    return items.length > 0
      ? ok('pools', 'NodePools', items.map(({ metadata }) => metadata.name).join(', '))
      : warn('pools', 'NodePools', 'there are none', 'kubectl apply -f manifests/node-pools');
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return fail('pools', 'NodePools', `${error.code}: ${error.message}`, applyManifests);
  }
}
