/**
 * The product as a process of its own beside a control plane: started, killed, started again.
 *
 * In: a plane, the cloud's address, settings. Out: a handle with its addresses, and crash points to
 * arm. A process that dies is started again, as a kubelet would. It runs under the account that the
 * manifests give rights to. What the process does is in service-process.ts.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceSettings } from '../../extender/settings.ts';
import type { Component } from '../control-plane/component.ts';
import { type ControlPlane, SYSTEM_UNDER_TEST } from '../control-plane/control-plane.ts';
import { findFreePorts } from '../control-plane/ports.ts';
import type { CrashPoint } from './crash-points.ts';

export interface ServiceOptions {
  readonly name: string;
  readonly cloudUrl: string;
  readonly clusterName: string;
  readonly settings?: Partial<ServiceSettings>;
}

/** What service-process.ts reads from the file that its argument names. */
export interface ServiceProcessOptions {
  /** As Kubernetes tells pods where the API server is, and mounts who they are. */
  readonly environment: Readonly<Record<string, string>>;
  readonly accountDirectory: string;
  readonly cloudUrl: string;
  readonly settings: Partial<ServiceSettings>;
  readonly extenderPort: number;
  readonly operationsPort: number;
  /** Where crash points may be; a process that starts takes the first of them off. */
  readonly crashFile: string;
}

export interface Service {
  readonly component: Component;
  /** The scheduler's `urlPrefix`. */
  readonly extenderUrl: string;
  /** Metrics and health. */
  readonly operationsUrl: string;
  /**
   * One for each process that starts from now on, in this order. All at once: a process may die and
   * its successor start before anybody could arm the next.
   */
  arm(points: readonly CrashPoint[]): Promise<void>;
}

/** Writes its files; nothing is started yet. */
export async function createService(
  plane: ControlPlane,
  options: ServiceOptions,
): Promise<Service> {
  const { name, cloudUrl, clusterName, settings } = options;
  const [extenderPort = 0, operationsPort = 0] = await findFreePorts(2);
  const file = (suffix: string): string => join(plane.directory, `${name}.${suffix}`);
  const crashFile = file('crash.json');
  const api = new URL(plane.apiUrl);
  const processOptions: ServiceProcessOptions = {
    environment: {
      KUBERNETES_SERVICE_HOST: api.hostname,
      KUBERNETES_SERVICE_PORT: api.port,
    },
    accountDirectory: await writeAccount(plane, file('account')),
    cloudUrl,
    settings: { clusterName, identity: name, ...settings },
    extenderPort,
    operationsPort,
    crashFile,
  };
  await writeFile(file('json'), JSON.stringify(processOptions, undefined, 2));
  const operationsUrl = `http://127.0.0.1:${operationsPort}`;
  const component = plane.addProcess({
    name,
    file: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'service-process.ts'),
      file('json'),
    ],
    readyUrl: `${operationsUrl}/readyz`,
  });
  return {
    component,
    extenderUrl: `http://127.0.0.1:${extenderPort}/scheduler`,
    operationsUrl,
    arm: async (points) => {
      // Renamed, so that a process that starts at this moment finds all of it or nothing.
      await writeFile(file('crash.next'), JSON.stringify(points));
      await rename(file('crash.next'), crashFile);
    },
  };
}

/** What a pod finds under /var/run/secrets/kubernetes.io/serviceaccount. */
async function writeAccount(plane: ControlPlane, directory: string): Promise<string> {
  await mkdir(directory, { mode: 0o700 });
  const files = {
    token: plane.tokenOf(SYSTEM_UNDER_TEST.name),
    'ca.crt': plane.authorityCertificate,
    namespace: 'stowage-system',
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content, { mode: 0o600 });
  }
  return directory;
}
