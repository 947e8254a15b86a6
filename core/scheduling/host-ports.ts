/**
 * Host ports: two pods that claim the same one cannot share a node.
 *
 * In: pod specs. Out: the ports they hold on the host, and whether two sets collide. An address of
 * all zeros (or none) collides with every address. It knows no node.
 */
import type { Container, PodSpec } from '../api/kubernetes.ts';

/** One port on the host; `ip` is '' for "every address". */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const everyAddress: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

/** Host ports of a pod: containers and sidecars; a pod on the host's network holds all its ports. */
export function hostPortsOf(spec: PodSpec): readonly HostPort[] {
  const ports: HostPort[] = [];
  const seen = new Set<string>();
  const add = (container: Container): void => {
    for (const { containerPort, hostPort, hostIP, protocol } of container.ports ?? []) {
      const port =
        hostPort === undefined || hostPort === 0
          ? spec.hostNetwork === true
            ? containerPort
            : 0
          : hostPort;
      if (port === 0) {
        continue;
      }
      const ip = everyAddress.has(hostIP ?? '') ? '' : (hostIP ?? '');
      const entry = { ip, protocol: protocol ?? 'TCP', port };
      const text = hostPortText(entry);
      if (!seen.has(text)) {
        seen.add(text);
        ports.push(entry);
      }
    }
  };
  spec.containers.forEach(add);
  spec.initContainers?.filter((container) => container.restartPolicy === 'Always').forEach(add);
  return ports;
}

/** Whether two ports cannot be held on one node. */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  return (
    a.port === b.port && a.protocol === b.protocol && (a.ip === '' || b.ip === '' || a.ip === b.ip)
  );
}

/** Whether any two ports of the sets collide. O(a b); pods hold a handful. */
export function anyPortsCollide(a: readonly HostPort[], b: readonly HostPort[]): boolean {
  return a.some((port) => b.some((other) => portsCollide(port, other)));
}

/** `TCP/8080` or `TCP/10.0.0.1:8080`. */
export function hostPortText(port: HostPort): string {
  return `${port.protocol}/${port.ip === '' ? '' : `${port.ip}:`}${port.port}`;
}
