/**
 * Stands between a process under test and the API server, so that it can be killed at any call.
 *
 * In: a control plane, a kill switch. Out: an address that passes everything on as it is, watches
 * included, and a kubeconfig that names it. Calls are named by method and resource, as in
 * `PATCH nodes/status`; those that are refused have done nothing and are no point to die after.
 */
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { KillSwitch } from './kill-switch.ts';

export interface ApiGate {
  /** Speaks for an identity of the plane. */
  readonly kubeconfigPath: string;
  /** How many of each have been done. */
  readonly calls: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Longer than the product keeps a connection: else one is closed at the moment it is used again. */
const idleMs = 600_000;

export async function startApiGate(
  plane: ControlPlane,
  identity: string,
  killSwitch: KillSwitch,
): Promise<ApiGate> {
  // Watches keep their connections, so there is no useful bound on how many there are.
  const agent = new Agent({ ca: plane.authorityCertificate, keepAlive: true });
  const calls = new Map<string, number>();
  const passes: KillSwitch['passes'] = (call, moment) => {
    if (moment === 'after') calls.set(call, (calls.get(call) ?? 0) + 1);
    return killSwitch.passes(call, moment);
  };
  const server = createServer((request, response) => {
    pass(request, response, new URL(request.url ?? '/', plane.apiUrl), agent, passes);
  });
  server.keepAliveTimeout = idleMs;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubeconfigPath = join(plane.directory, `${identity}.gate.kubeconfig`);
  const token = plane.tokenOf(identity);
  await writeFile(kubeconfigPath, kubeconfig(`http://127.0.0.1:${port}`, token), { mode: 0o600 });
  return {
    kubeconfigPath,
    calls,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}

function pass(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  agent: Agent,
  passes: KillSwitch['passes'],
): void {
  const { method = '', headers } = request;
  const call = `${method} ${resourceOf(url.pathname)}`;
  const drop = (): void => {
    request.socket.destroy();
  };
  if (passes(call, 'before')) {
    drop();
    return;
  }
  const { host: _, ...kept } = headers;
  const onward = httpsRequest(url, { method, headers: kept, agent }, (answer) => {
    const status = answer.statusCode ?? 502;
    if (status < 300 && passes(call, 'after')) {
      answer.resume();
      drop();
      return;
    }
    response.writeHead(status, answer.headers);
    answer.pipe(response);
    answer.once('error', drop);
  });
  onward.once('error', drop);
  response.once('close', () => onward.destroy());
  request.pipe(onward);
}

/** `nodes/status` of /api/v1/nodes/a/status, `pods/binding` of one in a namespace. */
function resourceOf(pathname: string): string {
  const parts = pathname.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2);
  const [resource = '', , subresource] = rest[0] === 'namespaces' ? rest.slice(2) : rest;
  return subresource === undefined ? resource : `${resource}/${subresource}`;
}

/** JSON is YAML. client-node refuses plain HTTP unless it is told that nothing is to be verified. */
function kubeconfig(server: string, token: string): string {
  const name = 'gate';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}
