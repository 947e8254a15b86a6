/**
 * Stand-ins for our CRDs: only what the contract rests on (scope, status subresource, conditions
 * by type, a NodeClaim spec that never changes).
 *
 * In: nothing. Out: CustomResourceDefinitions. The contract is about the client; whether our own
 * generated CRDs are right is tested where they are generated.
 */
import { type Kind, kinds } from '../../core/api/kinds.ts';

const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;

const conditions = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: { ...open, properties: { type: { type: 'string' } }, required: ['type'] },
};

/** The kinds that the contract uses; `EC2NodeClass.stowage.dev` is left out on purpose. */
export const customKinds: readonly Kind[] = ['NodePool', 'NodeClaim', 'EC2NodeClass'];

export function customResourceDefinition(kind: Kind): object {
  const { apiVersion, kind: name, plural } = kinds[kind];
  const [group = '', version = ''] = apiVersion.split('/');
  const fixed =
    kind === 'NodeClaim'
      ? {
          properties: { expireAfter: { type: 'string' } },
          'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'spec is immutable' }],
        }
      : {};
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Cluster',
      names: { plural, kind: name },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { ...open, ...fixed },
                status: { ...open, properties: { conditions } },
              },
            },
          },
        },
      ],
    },
  };
}
