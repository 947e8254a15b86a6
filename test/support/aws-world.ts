/**
 * The real AWS SDK against the simulated EC2, in one process.
 *
 * In: what shall be different. Out: clients of every service, the engine behind them and its clock,
 * which stands still until the test moves it.
 */
import { EC2Client } from '@aws-sdk/client-ec2';
import { EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { PricingClient } from '@aws-sdk/client-pricing';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { loadCatalogue } from '../../catalogue/loader.ts';
import { endlessCapacity } from '../../sim/ec2-capacity.ts';
import { Ec2Engine } from '../../sim/ec2-engine.ts';
import type { Ec2Options } from '../../sim/ec2-types.ts';
import { createRandom } from '../../sim/random.ts';
import { createVirtualClock, type VirtualClock } from '../../sim/virtual-clock.ts';
import {
  type Account,
  type AccountOptions,
  createAccount,
  engineOptionsOf,
} from '../../sim/wire/account.ts';
import { createFaultRules, type FaultRules } from '../../sim/wire/faults.ts';
import { startWire, type Wire } from '../../sim/wire/server.ts';

export interface AwsClients {
  readonly ec2: EC2Client;
  readonly eks: EKSClient;
  readonly iam: IAMClient;
  readonly pricing: PricingClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
}

export interface AwsWorld extends AwsClients {
  readonly clock: VirtualClock;
  readonly engine: Ec2Engine;
  readonly account: Account;
  readonly wire: Wire;
  readonly faults: FaultRules;
  close(): Promise<void>;
}

export interface AwsWorldOptions {
  readonly ec2?: Partial<Ec2Options>;
  readonly account?: Partial<AccountOptions>;
  /** Before anything is started. */
  readonly prepare?: (account: Account) => void;
  readonly seed?: number;
}

/** 2026-11-22T00:00:00Z: after the images of the account were published. */
const startMs = Date.UTC(2026, 10, 22);

/** Everything is consistent, endless and unlimited unless told otherwise. */
export async function startAwsWorld(options: AwsWorldOptions = {}): Promise<AwsWorld> {
  const catalogue = loadCatalogue();
  const clock = createVirtualClock(startMs);
  const account = createAccount(catalogue, options.account);
  options.prepare?.(account);
  const ec2: Ec2Options = {
    types: catalogue.types,
    capacity: endlessCapacity,
    isConsistent: true,
    ...engineOptionsOf(account),
    ...options.ec2,
  };
  const engine = new Ec2Engine(clock, createRandom(options.seed ?? 1), ec2);
  const faults = createFaultRules();
  const isConsistent = ec2.isConsistent === true;
  const wire = await startWire({ engine, clock, account, catalogue, faults, isConsistent });
  const clients = clientsOf(wire.endpoint);
  return {
    ...clients,
    clock,
    engine,
    account,
    wire,
    faults,
    close: async () => {
      for (const client of Object.values(clients)) client.destroy();
      await wire.close();
    },
  };
}

/** Clients that do not retry: a test sees what the server said. */
export function clientsOf(endpoint: string, maxAttempts = 1): AwsClients {
  const config = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts,
  };
  return {
    ec2: new EC2Client(config),
    eks: new EKSClient(config),
    iam: new IAMClient(config),
    pricing: new PricingClient(config),
    sqs: new SQSClient(config),
    ssm: new SSMClient(config),
    sts: new STSClient(config),
  };
}

/** The name of the error that a call ends in, and its HTTP status; 'none' if it does not. */
export async function errorOf(
  call: Promise<unknown>,
): Promise<{ readonly name: string; readonly status: number; readonly message: string }> {
  try {
    await call;
    return { name: 'none', status: 200, message: '' };
  } catch (error) {
    const { name, message, $metadata } = error as Error & {
      readonly $metadata?: { readonly httpStatusCode?: number };
    };
    return { name, status: $metadata?.httpStatusCode ?? 0, message };
  }
}
