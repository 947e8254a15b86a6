/**
 * The AWS SDK's clients, set up once.
 *
 * In: region, credentials, an endpoint where another one than AWS's is meant. Out: one client per
 * service. The SDK makes one attempt only: when to ask again, and how often, is decided in
 * `api-calls.ts`, where all calls share their buckets. It interprets no answers.
 */
import { EC2Client } from '@aws-sdk/client-ec2';
import { EKSClient } from '@aws-sdk/client-eks';
import { IAMClient } from '@aws-sdk/client-iam';
import { PricingClient } from '@aws-sdk/client-pricing';
import { SSMClient } from '@aws-sdk/client-ssm';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface ClientOptions {
  readonly region: string;
  /** Instead of AWS's own addresses, for all services. */
  readonly endpoint?: string;
  /** Without them as the SDK finds them: environment, files, web identity, pod identity, IMDS. */
  readonly credentials?: AwsCredentials;
}

export interface AwsClients {
  readonly ec2: EC2Client;
  readonly ssm: SSMClient;
  readonly iam: IAMClient;
  readonly eks: EKSClient;
  readonly pricing: PricingClient;
  close(): void;
}

const connectTimeoutMs = 3_000;
/** CreateFleet of many instances takes seconds. */
const answerTimeoutMs = 30_000;
/** Sockets per service. */
const socketsMax = 64;

/** The Pricing API answers in few regions; the nearest of each partition's. */
function pricingRegion(region: string): string {
  if (region.startsWith('ap-')) return 'ap-south-1';
  if (region.startsWith('cn-')) return 'cn-northwest-1';
  return region.startsWith('eu-') ? 'eu-central-1' : 'us-east-1';
}

export function createClients({ region, endpoint, credentials }: ClientOptions): AwsClients {
  const common = {
    region,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: answerTimeoutMs,
      // Without it the SDK only warns, and a call that hangs keeps its caller for ever.
      throwOnRequestTimeout: true,
      httpsAgent: { maxSockets: socketsMax },
      httpAgent: { maxSockets: socketsMax },
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials: { ...credentials } }),
  };
  const clients = {
    ec2: new EC2Client(common),
    ssm: new SSMClient(common),
    iam: new IAMClient(common),
    eks: new EKSClient(common),
    pricing: new PricingClient({ ...common, region: pricingRegion(region) }),
  };
  return {
    ...clients,
    close: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
