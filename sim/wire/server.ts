/**
 * The simulated EC2 on a real port, for the real SDK.
 *
 * In: an engine, its clock, an account. Out: an address that serves EC2, IAM, STS, SQS, SSM, EKS and
 * Pricing with `endpoint` set to it. Signatures are not checked. What may go wrong on the way is asked
 * of the faults; rules of EC2 are the engine's and the handlers'.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Catalogue, loadCatalogue } from '../../catalogue/loader.ts';
import type { Clock } from '../../core/ports.ts';
import type { Ec2Engine } from '../ec2-engine.ts';
import { Ec2Error } from '../ec2-types.ts';
import { createRandom, type SeededRandom } from '../random.ts';
import { type Account, createAccount } from './account.ts';
import { jsonActions, queryActions, type Service } from './actions.ts';
import { answerAdmin } from './admin.ts';
import { createClientTokens } from './client-tokens.ts';
import type { WireContext } from './context.ts';
import { describeCluster } from './eks.ts';
import { startEventBridge } from './event-bridge.ts';
import { createFaultRules, type FaultRules } from './faults.ts';
import { createInstanceHealth } from './instance-health.ts';
import { MessageQueue } from './message-queue.ts';
import {
  errorAnswer,
  jsonAnswer,
  queryAnswer,
  readCall,
  type WireAnswer,
  type WireCall,
} from './protocols.ts';

export interface WireOptions {
  readonly engine: Ec2Engine;
  /** The engine's. */
  readonly clock: Clock;
  /** The default account of the catalogue's region unless given. */
  readonly account?: Account;
  /** The embedded one unless given; its types should be the engine's. */
  readonly catalogue?: Catalogue;
  readonly host?: string;
  /** 0, the default: any. */
  readonly port?: number;
  readonly random?: SeededRandom;
  /** Rules that the caller may add to while it runs. */
  readonly faults?: FaultRules;
  /** Whether new templates are seen at once, as instances of a consistent engine are. */
  readonly isConsistent?: boolean;
  /** Time that a call takes, in the clock's. */
  readonly latencyMs?: (action: string) => number;
  /** Share of messages that come twice. */
  readonly duplicateShare?: number;
}

/** A call that was answered. */
export interface CallRecord {
  readonly service: Service;
  readonly action: string;
  readonly timeMs: number;
  /** '' if it went well. */
  readonly error: string;
}

export interface Wire {
  readonly endpoint: string;
  readonly account: Account;
  readonly context: WireContext;
  readonly faults: FaultRules;
  /** Calls so far, the oldest first; {@link callsMax} at most. */
  readonly calls: readonly CallRecord[];
  close(): Promise<void>;
}

export const callsMax = 200_000;
/** Larger requests are refused as EC2 does. */
const bodyMaxBytes = 1_048_576;
const lagMaxMs = 3_000;
const noAnswer = Symbol('no answer');

/** Listens; resolves when calls can come. */
export async function startWire(options: WireOptions): Promise<Wire> {
  const { clock, engine } = options;
  const random = options.random ?? createRandom('wire');
  const catalogue = options.catalogue ?? loadCatalogue();
  const account = options.account ?? createAccount(catalogue);
  for (const name of account.queueNames) {
    account.queues.set(name, new MessageQueue(name, clock, random.branch(`queue/${name}`)));
  }
  let endpoint = '';
  const context: WireContext = {
    clock,
    engine,
    account,
    catalogue,
    random,
    tokens: createClientTokens(clock),
    health: createInstanceHealth(engine),
    endpoint: () => endpoint,
    lagMs: () => (options.isConsistent === true ? 0 : random.float() * lagMaxMs),
    dryRun: (request) => {
      if (request.flag('DryRun')) {
        throw new Ec2Error(
          'DryRunOperation',
          'Request would have succeeded, but DryRun flag is set.',
        );
      }
    },
  };
  startEventBridge(context, { duplicateShare: options.duplicateShare ?? 0 });
  const calls: CallRecord[] = [];
  const faults = options.faults ?? createFaultRules();
  const front: Front = { context, faults, calls, latencyMs: options.latencyMs };
  const server = createServer((request, response) => {
    void answer(request, response, front);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  endpoint = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
  return { endpoint, account, context, faults, calls, close: async () => await closed(server) };
}

/** What answering takes. */
interface Front {
  readonly context: WireContext;
  readonly faults: FaultRules;
  readonly calls: CallRecord[];
  readonly latencyMs: ((action: string) => number) | undefined;
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  front: Front,
): Promise<void> {
  const { context, calls } = front;
  const requestId = context.random.uuid();
  let service: Service | undefined;
  let result: WireAnswer | typeof noAnswer;
  let action = '';
  let failure = '';
  try {
    const { method = '', url = '' } = request;
    const body = await bodyOf(request);
    const admin = answerAdmin(method, url, body, front, calls);
    if (admin === undefined) {
      const target = request.headers['x-amz-target'];
      const call = readCall(method, url, typeof target === 'string' ? target : undefined, body);
      ({ service, action } = call);
      result = await carriedOut(call, requestId, front);
    } else {
      const headers = { 'content-type': 'application/json' };
      result = { status: admin.status, headers, body: JSON.stringify(admin.body) };
    }
  } catch (error) {
    if (error instanceof Ec2Error) failure = error.code;
    else failure = 'InternalError';
    const text = error instanceof Ec2Error ? error.text : String((error as Error).stack);
    result = errorAnswer(service, requestId, failure, text, statusByFault(error));
  }
  if (service !== undefined && calls.length < callsMax) {
    const error = result === noAnswer ? 'no answer' : failure;
    calls.push({ service, action, timeMs: context.clock.nowMs(), error });
  }
  if (result === noAnswer) {
    request.socket.destroy();
    return;
  }
  response.writeHead(result.status, {
    ...result.headers,
    'content-length': Buffer.byteLength(result.body),
  });
  response.end(result.body);
}

/** A refusal whose status a fault has chosen. */
class StatusError extends Ec2Error {
  readonly status: number | undefined;

  constructor(code: string, message: string, status: number | undefined) {
    super(code, message);
    this.status = status;
  }
}

function statusByFault(error: unknown): number | undefined {
  return error instanceof StatusError ? error.status : undefined;
}

async function carriedOut(
  call: WireCall,
  requestId: string,
  { context, faults, latencyMs }: Front,
): Promise<WireAnswer | typeof noAnswer> {
  const { clock } = context;
  const { service, action } = call;
  const waitMs = latencyMs?.(action) ?? 0;
  if (waitMs > 0) await clock.sleep(waitMs);
  const fault = faults.on(service, action);
  if (fault?.type === 'delay') await clock.sleep(fault.delayMs);
  if (fault?.type === 'lose-request') return noAnswer;
  if (fault?.type === 'refuse') {
    const text = fault.message ?? `${action} was refused`;
    throw new StatusError(fault.code, text, fault.status);
  }
  checkAllowed(call, context);
  const result = await dispatched(call, requestId, context);
  return fault?.type === 'lose-answer' ? noAnswer : result;
}

async function dispatched(
  call: WireCall,
  requestId: string,
  context: WireContext,
): Promise<WireAnswer | typeof noAnswer> {
  const { service, action } = call;
  switch (service) {
    case 'ec2':
    case 'iam':
    case 'sts': {
      const handler = queryActions[service][action];
      if (handler === undefined) throw unknownAction(action);
      const isLost = service === 'ec2' && context.engine.admit(action, isUnpaged(call));
      const value = handler(context, call.form);
      // Changes end a trial themselves, before they change anything.
      if (service === 'ec2') context.dryRun(call.form);
      return isLost ? noAnswer : queryAnswer(service, action, requestId, value);
    }
    case 'sqs':
    case 'ssm':
    case 'pricing': {
      const handler = jsonActions[service][action];
      if (handler === undefined) throw unknownAction(action);
      return jsonAnswer(service, requestId, await handler(context, call.json));
    }
    case 'eks':
      return jsonAnswer(service, requestId, describeCluster(context, call.name));
  }
}

function unknownAction(action: string): Ec2Error {
  return new Ec2Error('InvalidAction', `The action ${action} is not valid for this web service.`);
}

/** Neither ids nor filters nor a page size. */
function isUnpaged(call: WireCall): boolean {
  if (!('form' in call)) return false;
  const names = Object.keys(call.form.tree);
  return !names.some((name) => name === 'Filter' || name === 'MaxResults' || name.endsWith('Id'));
}

/** @throws Ec2Error if the account denies the action to everybody */
function checkAllowed({ service, action }: WireCall, { account }: WireContext): void {
  const name = `${service}:${action}`;
  if (!account.denied.has(name) && !account.denied.has(`${service}:*`)) return;
  const user = `arn:aws:iam::${account.accountId}:user/simulated`;
  const text = `User: ${user} is not authorized to perform: ${name} because no identity-based policy allows the ${name} action`;
  if (service === 'ec2') {
    throw new Ec2Error(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. ${text}`,
    );
  }
  const isXml = service === 'iam' || service === 'sts';
  throw new Ec2Error(isXml ? 'AccessDenied' : 'AccessDeniedException', text);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > bodyMaxBytes) {
      throw new Ec2Error('InvalidInput', 'The request payload is too large.');
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
