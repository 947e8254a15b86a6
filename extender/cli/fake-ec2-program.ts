/**
 * The options of `stowage fake-ec2`.
 *
 * In: the action behind the command. Out: a commander command that parses, validates and calls it
 * with typed options.
 */
import { Command, Option } from 'commander';
import { integerParser, parseDurationMs, parseSpeed } from './option-values.ts';

/** Options of `stowage fake-ec2`, parsed. */
export interface FakeEc2CommandOptions {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly speed: number;
  /** File; undefined: nothing happens by itself. */
  readonly scenario: string | undefined;
  readonly clusterName: string;
  readonly kubernetesVersion: string;
  readonly clusterEndpoint: string;
  readonly subnetBits: number;
  readonly capacity: 'default' | 'endless';
  readonly throttling: boolean;
  readonly lag: boolean;
  /** Real time; undefined: until stopped. */
  readonly durationMs: number | undefined;
}

const portMax = 65_535;
const seedMax = 0xffffffff;

/** @param setExitCode is told how the command ended */
export function fakeEc2Command(
  serve: (options: FakeEc2CommandOptions) => Promise<number>,
  setExitCode: (code: number) => void,
): Command {
  return new Command('fake-ec2')
    .description('serve a simulated EC2 (with IAM, STS, SQS, SSM, EKS, Pricing) to any AWS SDK')
    .option('--host <address>', 'where it listens', '127.0.0.1')
    .addOption(
      new Option('--port <number>', '0: any').argParser(integerParser(0, portMax)).default(4599),
    )
    .option('--scenario <file>', 'what happens and when, as YAML or JSON')
    .addOption(
      new Option('--speed <factor>', 'simulated seconds per second')
        .argParser(parseSpeed)
        .default(1, '1'),
    )
    .addOption(
      new Option('--seed <number>', 'same seed and calls: same pools, prices and boot times')
        .argParser(integerParser(0, seedMax))
        .default(1),
    )
    .option(
      '--cluster-name <name>',
      'of the EKS cluster, its queue and its discovery tags',
      'simulated',
    )
    .option('--kubernetes-version <version>', 'of the cluster and the images', '1.32')
    .option('--cluster-endpoint <url>', 'of its API server', 'https://127.0.0.1:6443')
    .addOption(
      new Option('--subnet-bits <number>', "size of each zone's subnet, as in /20")
        .argParser(integerParser(19, 28))
        .default(20),
    )
    .addOption(
      new Option('--capacity <model>', 'pools that fill and dry up, or never')
        .choices(['default', 'endless'])
        .default('default'),
    )
    .option('--no-throttling', 'no rate limits')
    .option('--no-lag', 'reads see every write at once')
    .addOption(
      new Option('--duration <duration>', 'end by itself after this long').argParser(
        parseDurationMs,
      ),
    )
    .action(async (_, command: Command) => {
      const { duration, ...rest } = command.opts();
      const options = { scenario: undefined, ...rest, durationMs: duration };
      setExitCode(await serve(options as unknown as FakeEc2CommandOptions));
    });
}
