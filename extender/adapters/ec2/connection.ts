/**
 * What every part of the EC2 provider works with.
 *
 * In: nothing. Out: types. One connection per process: clients, calls within their rates, the time, the
 * log, whose instances are ours.
 */
import type { Logger } from 'pino';
import type { Clock, Random } from '../../../core/ports.ts';
import type { Metrics } from '../../metrics.ts';
import type { ApiCalls } from './api-calls.ts';
import type { AwsClients } from './clients.ts';

export interface Ec2Connection {
  readonly region: string;
  readonly clusterName: string;
  readonly clients: AwsClients;
  readonly api: ApiCalls;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics['cloud'];
}
