// A real control plane on loopback: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler, and KWOK in place of kubelets.
//
// In:  which schedulers and identities, which extra flags.
// Out: a running plane: kubeconfigs, a handle per component, an end that leaves
// nothing behind. It knows nothing of the product: what is under test gets a
// kubeconfig. Everything listens on 127.0.0.1 only.

import { mkdir, writeFile } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type ControlPlaneBinaries, ensureBinaries } from './build.ts';
import { createCertificates } from './certificates.ts';
import {
  apiServerArguments,
  controllerManagerArguments,
  etcdArguments,
  KUBERNETES_SERVICE_IP,
  kwokArguments,
  type PlaneFiles,
  schedulerArguments,
} from './commands.ts';
import { type Component, createComponent } from './component.ts';
import {
  ADMIN,
  type Identity,
  issueTokens,
  KUBE_CONTROLLER_MANAGER,
  KUBE_SCHEDULER,
  kubeconfig,
  serviceAccountIdentity,
  tokensFile,
} from './identities.ts';
import { findFreePorts } from './ports.ts';
import { createRunDirectory, type RunDirectory } from './run-directory.ts';
import { kwokConfiguration } from './stages.ts';

/** A kube-scheduler. */
export interface SchedulerOptions {
  /** Names its log, its configuration file and its handle. */
  readonly name: string;
  /** A KubeSchedulerConfiguration as parsed from a manifest; its kubeconfig is filled in, the rest is taken as it is. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Name of the identity it runs under; by default `system:kube-scheduler`'s. */
  readonly identity?: string;
  readonly flags?: readonly string[];
}

/** What {@link startControlPlane} starts. */
export interface ControlPlaneOptions {
  /** By default the stock scheduler alone; an empty list for none. More can be started later. */
  readonly schedulers?: readonly SchedulerOptions[];
  /** Further identities beside admin, the components' own, {@link SYSTEM_UNDER_TEST} and {@link SECOND_SCHEDULER}. */
  readonly identities?: readonly Identity[];
  /** Further flags, which win over the built-in ones. */
  readonly flags?: Readonly<
    Partial<
      Record<'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kwok', readonly string[]>
    >
  >;
  /** How long pods of Jobs run where no annotation says so; see stages.ts. */
  readonly jobRunMs?: number;
  /** Leaves logs and data in place when the plane is stopped. By default only with STOWAGE_KEEP_FILES=1. */
  readonly keepFiles?: boolean;
  /** Told of builds, leftovers and kept files. */
  readonly log?: (line: string) => void;
}

/** A process beside those of the control plane. */
export interface ProcessOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Beside our own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Answers 200 when it is ready. */
  readonly readyUrl: string;
}

/** A running control plane. */
export interface ControlPlane {
  readonly binaries: ControlPlaneBinaries;
  /** Logs, kubeconfigs, keys and data. */
  readonly directory: string;
  readonly apiUrl: string;
  /** PEM; also inside each kubeconfig. */
  readonly authorityCertificate: string;
  /** The administrator's kubeconfig. */
  readonly kubeconfigPath: string;
  /** The administrator's client. */
  readonly client: ApiClient;
  readonly etcd: Component;
  readonly apiServer: Component;
  readonly controllerManager: Component;
  readonly kwok: Component;
  /** By name. */
  readonly schedulers: ReadonlyMap<string, Component>;
  /** Path of an identity's kubeconfig. */
  kubeconfigOf(identity: string): string;
  /** Bearer token of an identity. */
  tokenOf(identity: string): string;
  /** A client that acts as an identity. */
  clientOf(identity: string): ApiClient;
  /** Starts one more scheduler, for instance once the extender's port is known. */
  startScheduler(options: SchedulerOptions): Promise<Component>;
  /**
   * Makes a further process that ends with the plane, at the latest; it is not started yet. A path
   * in `directory` among its arguments lets a later run end it should this one be killed.
   */
  addProcess(options: ProcessOptions): Component;
  /** Ends everything at once and removes the folder. */
  stop(): Promise<void>;
}

/** What the product's manifests give rights to: ServiceAccount `stowage` in namespace `stowage-system`. */
export const SYSTEM_UNDER_TEST = serviceAccountIdentity('stowage', 'stowage-system', 'stowage');
/** The second scheduler that the product's manifests deploy. */
export const SECOND_SCHEDULER = serviceAccountIdentity(
  'stowage-scheduler',
  'stowage-system',
  'stowage-scheduler',
);

/** Long enough to see a Job's pods running, short enough not to wait for them. */
const JOB_RUN_MS = 2_000;
const DEFAULT_SCHEDULERS: readonly SchedulerOptions[] = [{ name: 'kube-scheduler' }];

/**
 * Starts a control plane and waits until all of it is ready.
 * @throws GoMissingError when the binaries are not built and cannot be.
 * @throws Error with the end of a component's log when it does not become ready; nothing is left running.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const log = options.log ?? ((line) => console.error(line));
  const binaries = await ensureBinaries(log);
  const directory = await createRunDirectory(log);
  const keepFiles = options.keepFiles ?? process.env['STOWAGE_KEEP_FILES'] === '1';
  const plane = await preparePlane(options, binaries, directory);

  // An orderly stop kills as well: nothing of this cluster is kept, so nothing need be saved.
  const everything = (): readonly Component[] => [
    ...plane.processes,
    ...plane.schedulers.values(),
    ...plane.fixed,
  ];
  const killAll = (): void => {
    for (const component of everything()) component.killSync();
  };
  process.once('exit', killAll);
  async function stop(): Promise<void> {
    process.off('exit', killAll);
    plane.client.close();
    await Promise.all(everything().map(async (component) => await component.kill()));
    if (keepFiles) await directory.keep(log);
    else await directory.remove();
  }

  try {
    await plane.etcd.start();
    await plane.apiServer.start();
    const schedulers = options.schedulers ?? DEFAULT_SCHEDULERS;
    await Promise.all([
      plane.controllerManager.start(),
      plane.kwok.start(),
      ...schedulers.map(async (scheduler) => await plane.startScheduler(scheduler)),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...plane, binaries, directory: directory.path, stop };
}

type PreparedPlane = Omit<ControlPlane, 'binaries' | 'directory' | 'stop'> & {
  readonly fixed: readonly Component[];
  readonly processes: readonly Component[];
};

/** Writes all files and makes all handles; starts nothing. */
async function preparePlane(
  options: ControlPlaneOptions,
  binaries: ControlPlaneBinaries,
  directory: RunDirectory,
): Promise<PreparedPlane> {
  const [etcdPort, peerPort, apiPort, managerPort, kwokPort] = await fivePorts();
  const apiUrl = `https://127.0.0.1:${apiPort}`;
  const certificates = await createCertificates(KUBERNETES_SERVICE_IP);
  const { authorityCertificate } = certificates;
  const identities = [
    ADMIN,
    KUBE_SCHEDULER,
    KUBE_CONTROLLER_MANAGER,
    SYSTEM_UNDER_TEST,
    SECOND_SCHEDULER,
  ];
  const credentials = issueTokens([...identities, ...(options.identities ?? [])]);
  const kubeconfigOf = (name: string): string =>
    directory.file(`${credentialOf(name).name}.kubeconfig`);
  const logOf = (name: string): string => directory.file(`${name}.log`);

  function credentialOf(name: string) {
    const credential = credentials.get(name);
    if (credential === undefined)
      throw new Error(`no identity is named ${name}; known: ${[...credentials.keys()].join(', ')}`);
    return credential;
  }

  async function write(name: string, content: string): Promise<string> {
    const path = directory.file(name);
    // Tokens and keys: for the owner alone, even on loopback.
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  const files: PlaneFiles = {
    etcdData: directory.file('etcd'),
    authorityCertificate: await write('authority.crt', authorityCertificate),
    servingCertificate: await write('serving.crt', certificates.servingCertificate),
    servingKey: await write('serving.key', certificates.servingKey),
    serviceAccountPublicKey: await write(
      'service-account.pub',
      certificates.serviceAccountPublicKey,
    ),
    serviceAccountPrivateKey: await write(
      'service-account.key',
      certificates.serviceAccountPrivateKey,
    ),
    tokens: await write('tokens.csv', tokensFile(credentials.values())),
    kwokConfiguration: await write(
      'kwok.yaml',
      kwokConfiguration({ jobRunMs: options.jobRunMs ?? JOB_RUN_MS }),
    ),
  };
  // etcd wants its folder closed to others and complains of one that it did not make so.
  await mkdir(files.etcdData, { mode: 0o700 });
  for (const credential of credentials.values()) {
    await write(
      `${credential.name}.kubeconfig`,
      kubeconfig(apiUrl, authorityCertificate, credential),
    );
  }

  function component(
    name: string,
    file: string,
    args: readonly string[],
    readyUrl: string,
    environment: Readonly<Record<string, string>> = {},
  ): Component {
    const probe = async (signal: AbortSignal) => await isOk(readyUrl, authorityCertificate, signal);
    return createComponent({
      name,
      file,
      args,
      environment,
      logPath: logOf(name),
      probe,
      onStarted: (pid) => directory.recordProcess(pid),
    });
  }
  const withFlags = (
    name: keyof NonNullable<ControlPlaneOptions['flags']>,
    args: readonly string[],
  ) => [...args, ...(options.flags?.[name] ?? [])];

  const etcd = component(
    'etcd',
    binaries.etcd,
    withFlags('etcd', etcdArguments(files, etcdPort, peerPort)),
    `http://127.0.0.1:${etcdPort}/health`,
  );
  const apiServer = component(
    'kube-apiserver',
    binaries.kubeApiserver,
    withFlags('kube-apiserver', apiServerArguments(files, apiPort, etcdPort)),
    `${apiUrl}/readyz`,
  );
  const managerArguments = controllerManagerArguments(
    files,
    managerPort,
    kubeconfigOf(KUBE_CONTROLLER_MANAGER.name),
  );
  const controllerManager = component(
    'kube-controller-manager',
    binaries.kubeControllerManager,
    withFlags('kube-controller-manager', managerArguments),
    `https://127.0.0.1:${managerPort}/healthz`,
  );
  const kwok = component(
    'kwok',
    binaries.kwok,
    withFlags('kwok', kwokArguments(files, kwokPort, kubeconfigOf(ADMIN.name))),
    `http://127.0.0.1:${kwokPort}/healthz`,
  );

  const schedulers = new Map<string, Component>();
  async function startScheduler(scheduler: SchedulerOptions): Promise<Component> {
    const { name } = scheduler;
    if (schedulers.has(name)) throw new Error(`a scheduler named ${name} exists`);
    const [port = 0] = await findFreePorts(1);
    const path = kubeconfigOf(scheduler.identity ?? KUBE_SCHEDULER.name);
    const configuration = await write(
      `${name}.configuration.json`,
      schedulerConfiguration(scheduler, path),
    );
    const args = [
      ...schedulerArguments(files, port, path, configuration),
      ...(scheduler.flags ?? []),
    ];
    const started = component(
      name,
      binaries.kubeScheduler,
      args,
      `https://127.0.0.1:${port}/readyz`,
    );
    schedulers.set(name, started);
    await started.start();
    return started;
  }

  const processes: Component[] = [];
  function addProcess({ name, file, args, readyUrl, environment }: ProcessOptions): Component {
    const added = component(name, file, args, readyUrl, environment);
    processes.push(added);
    return added;
  }

  const clientOf = (name: string): ApiClient =>
    createApiClient({ apiUrl, authorityCertificate, token: credentialOf(name).token });
  return {
    apiUrl,
    authorityCertificate,
    kubeconfigPath: kubeconfigOf(ADMIN.name),
    client: clientOf(ADMIN.name),
    etcd,
    apiServer,
    controllerManager,
    kwok,
    fixed: [kwok, controllerManager, apiServer, etcd],
    processes,
    addProcess,
    schedulers,
    kubeconfigOf,
    tokenOf: (name) => credentialOf(name).token,
    clientOf,
    startScheduler,
  };
}

async function fivePorts(): Promise<readonly [number, number, number, number, number]> {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = await findFreePorts(5);
  return [first, second, third, fourth, fifth];
}

/** The scheduler's configuration with the one thing a manifest cannot know. */
function schedulerConfiguration(scheduler: SchedulerOptions, kubeconfigPath: string): string {
  const { configuration = {} } = scheduler;
  const connection = configuration['clientConnection'];
  return JSON.stringify({
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    leaderElection: { leaderElect: false },
    ...configuration,
    clientConnection: {
      ...(typeof connection === 'object' ? connection : {}),
      kubeconfig: kubeconfigPath,
    },
  });
}

async function isOk(
  url: string,
  authorityCertificate: string,
  signal: AbortSignal,
): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const options = { signal, agent: false, ca: authorityCertificate } as const;
    const request = url.startsWith('https:')
      ? httpsGet(url, options)
      : httpGet(url, { signal, agent: false });
    request.once('error', reject);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
  });
}
