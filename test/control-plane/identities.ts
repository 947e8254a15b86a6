// Who may talk to the API server: static tokens and kubeconfigs.
//
// In:  identities (a user name and groups, as RBAC sees them).
// Out: the tokens file the API server reads, and a kubeconfig text per identity.
// It grants nothing: rights come from the bootstrap roles and from manifests.

import { randomBytes } from 'node:crypto';

/** A user as the API server authenticates it. */
export interface Identity {
  /** The name of its kubeconfig. */
  readonly name: string;
  readonly user: string;
  readonly groups: readonly string[];
}

/** An identity and its bearer token. */
export interface Credential extends Identity {
  readonly token: string;
}

/** Everything is allowed. */
export const ADMIN: Identity = {
  name: 'admin',
  user: 'stowage-test-admin',
  groups: ['system:masters'],
};
export const KUBE_SCHEDULER: Identity = {
  name: 'kube-scheduler',
  user: 'system:kube-scheduler',
  groups: [],
};
export const KUBE_CONTROLLER_MANAGER: Identity = {
  name: 'kube-controller-manager',
  user: 'system:kube-controller-manager',
  groups: [],
};

/**
 * An identity that RBAC cannot tell from the service account's own token, so
 * that a manifest's RoleBindings to that account are put to the test.
 */
export function serviceAccountIdentity(name: string, namespace: string, account: string): Identity {
  return {
    name,
    user: `system:serviceaccount:${namespace}:${account}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
  };
}

/** Gives each identity a fresh token. Two identities of one name are a mistake of the caller. */
export function issueTokens(identities: readonly Identity[]): ReadonlyMap<string, Credential> {
  const credentials = new Map<string, Credential>();
  for (const identity of identities) {
    if (credentials.has(identity.name))
      throw new Error(`two identities are named ${identity.name}`);
    credentials.set(identity.name, { ...identity, token: randomBytes(24).toString('hex') });
  }
  return credentials;
}

/** The text of `--token-auth-file`. */
export function tokensFile(credentials: Iterable<Credential>): string {
  const rows = [...credentials].map(
    ({ token, user, name, groups }) => `${token},${user},${name},"${groups.join(',')}"\n`,
  );
  return rows.join('');
}

/** The text of a kubeconfig: JSON, which every reader of YAML reads. */
export function kubeconfig(
  apiUrl: string,
  authorityCertificate: string,
  credential: Credential,
): string {
  const authority = Buffer.from(authorityCertificate).toString('base64');
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'stowage-test',
          cluster: { server: apiUrl, 'certificate-authority-data': authority },
        },
      ],
      users: [{ name: credential.name, user: { token: credential.token } }],
      contexts: [
        { name: 'stowage-test', context: { cluster: 'stowage-test', user: credential.name } },
      ],
      'current-context': 'stowage-test',
    },
    undefined,
    2,
  );
}
