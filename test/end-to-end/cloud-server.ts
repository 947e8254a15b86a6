/**
 * Serves a CloudProvider on loopback, so that it outlives the process that uses it.
 *
 * In: a cloud. Out: its calls over HTTP (see cloud-wire.ts). Bodies and connections are bounded; it
 * adds nothing to what the cloud answers but a version for lists of types, which are large.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import { CloudError, type CloudProvider } from '../../core/cloud-port.ts';
import type { InstanceType } from '../../core/state/instance-type.ts';
import type { CloudCalls, CloudRefusal } from './cloud-wire.ts';

export interface CloudServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A launch request with its node class takes a few KiB. */
const bodyBytesMax = 1 << 20;
const connectionsMax = 256;
/** Longer than a client keeps a connection: else one is closed at the moment it is used again. */
const idleMs = 600_000;
/** Versions of node classes that are told apart. */
const nodeClassesMax = 256;

type Answers = {
  readonly [Call in keyof CloudCalls]: (
    question: CloudCalls[Call]['question'],
  ) => Promise<CloudCalls[Call]['answer']>;
};

/** Listens on a free port of 127.0.0.1. */
export async function startCloudServer(cloud: CloudProvider): Promise<CloudServer> {
  const answers = answersOf(cloud);
  const server = createServer((request, response) => {
    void serve(answers, request, response);
  });
  server.maxConnections = connectionsMax;
  server.keepAliveTimeout = idleMs;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answersOf(cloud: CloudProvider): Answers {
  const nodeClasses = new Map<string, EC2NodeClass>();
  const versions = new WeakMap<readonly InstanceType[], number>();
  let lastVersion = 0;

  /** The cloud answers the same array for the same object, and bodies are new objects each time. */
  function sameNodeClass(nodeClass: EC2NodeClass): EC2NodeClass {
    const text = JSON.stringify([nodeClass.metadata, nodeClass.spec, nodeClass.status]);
    const known = nodeClasses.get(text);
    if (known !== undefined) return known;
    if (nodeClasses.size >= nodeClassesMax) nodeClasses.clear();
    nodeClasses.set(text, nodeClass);
    return nodeClass;
  }

  return {
    'instance-types': async ({ nodeClass, knownVersion }) => {
      const types = await cloud.instanceTypes(sameNodeClass(nodeClass));
      const version = versions.get(types) ?? (lastVersion += 1);
      versions.set(types, version);
      return version === knownVersion ? { version } : { version, types };
    },
    launch: async (request) => await cloud.launch(request),
    list: async () => ({ instances: await cloud.list() }),
    get: async ({ providerID }) => {
      const instance = await cloud.get(providerID);
      return instance === undefined ? {} : { instance };
    },
    tag: async ({ providerID, tags }) => {
      await cloud.tag(providerID, tags);
      return {};
    },
    terminate: async ({ providerID }) => ({ outcome: await cloud.terminate(providerID) }),
  };
}

async function serve(
  answers: Answers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, body: object): void => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  };
  const call = (request.url ?? '').slice(1);
  if (request.method !== 'POST' || !Object.hasOwn(answers, call)) {
    send(404, { message: `no call ${request.method} ${request.url}` });
    return;
  }
  try {
    const question: unknown = JSON.parse(await bodyOf(request));
    // Which call has which question is checked where it is asked: both ends share one type.
    const answer = answers[call as keyof CloudCalls] as (question: unknown) => Promise<object>;
    send(200, await answer(question));
  } catch (error) {
    // The asker was killed: nobody is there to be told.
    if (request.destroyed && !request.complete) return;
    if (!(error instanceof CloudError)) {
      send(500, { message: error instanceof Error ? (error.stack ?? '') : String(error) });
      return;
    }
    const { code, message } = error;
    send(503, { code, message } satisfies CloudRefusal);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > bodyBytesMax) throw new RangeError(`more than ${bodyBytesMax} characters`);
  }
  return text;
}
