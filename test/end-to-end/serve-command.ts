/**
 * `stowage serve --cluster=kubernetes --cloud=ec2` as a process of its own: the command line as it is.
 *
 * In: a plane, the cloud's address, a kubeconfig, further options. Out: a handle with its addresses. A
 * process that dies is started again, as a kubelet would.
 */
import { join } from 'node:path';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { findFreePorts } from '../control-plane/ports.ts';
import { deployedNodeOptions } from '../manifests/read-manifests.ts';
import type { Service } from './service.ts';

export interface ServeOptions {
  readonly name: string;
  readonly clusterName: string;
  /** Of the simulated AWS. */
  readonly endpoint: string;
  readonly region: string;
  readonly kubeconfigPath: string;
  /** Options beside those that every test needs. */
  readonly words: readonly string[];
}

export type ServeProcess = Pick<Service, 'component' | 'extenderUrl' | 'operationsUrl'>;

const main = join(import.meta.dirname, '../../extender/cli/main.ts');

/** Nothing is started yet. */
export async function createServeProcess(
  plane: ControlPlane,
  options: ServeOptions,
): Promise<ServeProcess> {
  const { name, clusterName, endpoint, region, kubeconfigPath, words } = options;
  const [extenderPort = 0, operationsPort = 0] = await findFreePorts(2);
  const operationsUrl = `http://127.0.0.1:${operationsPort}`;
  const component = plane.addProcess({
    name,
    file: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      main,
      'serve',
      '--cluster=kubernetes',
      '--cloud=ec2',
      `--kubeconfig=${kubeconfigPath}`,
      `--cluster-name=${clusterName}`,
      `--endpoint=${endpoint}`,
      `--region=${region}`,
      `--interruption-queue=${clusterName}`,
      '--leader-election-namespace=stowage-system',
      `--extender-address=127.0.0.1:${extenderPort}`,
      `--operations-address=127.0.0.1:${operationsPort}`,
      ...words,
    ],
    environment: {
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
      NODE_OPTIONS: await deployedNodeOptions(),
    },
    readyUrl: `${operationsUrl}/readyz`,
  });
  return {
    component,
    extenderUrl: `http://127.0.0.1:${extenderPort}/scheduler`,
    operationsUrl,
  };
}
