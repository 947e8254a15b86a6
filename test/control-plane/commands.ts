// The command line of each component.
//
// In:  ports and files. Out: arguments. Nothing is started here.
// A flag that is not obvious says why it is there. A caller's own flags come last
// and so win.

import { KUBELET_LABEL } from './joining-node.ts';

/** Files of one control plane, as absolute paths. */
export interface PlaneFiles {
  readonly etcdData: string;
  readonly authorityCertificate: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  readonly serviceAccountPublicKey: string;
  readonly serviceAccountPrivateKey: string;
  readonly tokens: string;
  readonly kwokConfiguration: string;
}

/** The cluster IP of the `kubernetes` Service: the first address of the service range. */
export const KUBERNETES_SERVICE_IP = '10.96.0.1';
const SERVICE_RANGE = '10.96.0.0/16';
/** 65,534 pod addresses. */
const POD_RANGE = '10.200.0.0/16';
/** KWOK renews a Lease at a quarter of this; the Node turns Unknown after 50 s without. */
const NODE_LEASE_SECONDS = 40;

/** What the tests use of kube-controller-manager. Left out: clouds, certificates, services, quotas. */
const CONTROLLERS = [
  'node-lifecycle-controller',
  'taint-eviction-controller',
  'pod-garbage-collector-controller',
  'replicaset-controller',
  'deployment-controller',
  'statefulset-controller',
  'daemonset-controller',
  'job-controller',
  'cronjob-controller',
  'ttl-after-finished-controller',
  'persistentvolume-binder-controller',
  'persistentvolumeclaim-protection-controller',
  'ephemeral-volume-controller',
  'disruption-controller',
  'resourceclaim-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'clusterrole-aggregation-controller',
];

/** etcd with one member; without fsync, because nothing of it is kept. */
export function etcdArguments(
  files: PlaneFiles,
  clientPort: number,
  peerPort: number,
): readonly string[] {
  const client = `http://127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    `--data-dir=${files.etcdData}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

/** kube-apiserver with static tokens and RBAC. */
export function apiServerArguments(
  files: PlaneFiles,
  port: number,
  etcdPort: number,
): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    ...servingArguments(files),
    `--client-ca-file=${files.authorityCertificate}`,
    // Without a request-header authority, components that delegate authentication log errors for ever;
    // where it is the same as the client authority, the names it may vouch for must be listed.
    `--requestheader-client-ca-file=${files.authorityCertificate}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountPrivateKey}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    // Nothing serves the `kubernetes` Service here.
    '--endpoint-reconciler-type=none',
    // Else no pod can be created before its namespace has its ServiceAccount.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

/** kube-controller-manager with the controllers the tests use. */
export function controllerManagerArguments(
  files: PlaneFiles,
  port: number,
  kubeconfig: string,
): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    ...servingArguments(files),
    '--leader-elect=false',
    // The manager's own user may do too little: without this, taints and pod garbage collection are dead in silence.
    '--use-service-account-credentials=true',
    `--root-ca-file=${files.authorityCertificate}`,
    `--service-account-private-key-file=${files.serviceAccountPrivateKey}`,
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    `--controllers=${CONTROLLERS.join(',')}`,
  ];
}

/** kube-scheduler; all that concerns scheduling is in its configuration file. */
export function schedulerArguments(
  files: PlaneFiles,
  port: number,
  kubeconfig: string,
  configuration: string,
): readonly string[] {
  return [
    `--config=${configuration}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    ...servingArguments(files),
  ];
}

/** KWOK, acting as the kubelet of every Node that carries the label. */
export function kwokArguments(
  files: PlaneFiles,
  port: number,
  kubeconfig: string,
): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--config=${files.kwokConfiguration}`,
    // The label and not the annotation: with Leases on, KWOK does not notice an annotation added later.
    `--manage-nodes-with-label-selector=${KUBELET_LABEL}=true`,
    `--node-lease-duration-seconds=${NODE_LEASE_SECONDS}`,
    '--node-ip=127.0.0.1',
    `--cidr=${POD_RANGE}`,
    `--server-address=127.0.0.1:${port}`,
  ];
}

/** One serving certificate for all: its names are those of loopback. */
function servingArguments(files: PlaneFiles): readonly string[] {
  return [
    `--tls-cert-file=${files.servingCertificate}`,
    `--tls-private-key-file=${files.servingKey}`,
  ];
}
