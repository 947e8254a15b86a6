/**
 * The options of `stowage serve`.
 *
 * In: the action behind the command. Out: a commander command that parses, validates and calls it
 * with typed options.
 */
import { Command, Option } from 'commander';
import { type LogLevel, logLevels } from '../log.ts';
import type { BindMode, ServiceSettings } from '../settings.ts';
import {
  collect,
  integerParser,
  parseAddress,
  parseDurationMs,
  parseNodeCostNano,
  parseSpeed,
  ratioParser,
} from './option-values.ts';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Options of `stowage serve`, parsed. */
export interface ServeCommandOptions {
  readonly cluster: 'embedded' | 'kubernetes';
  readonly cloud: 'simulated' | 'ec2';
  readonly kubeconfig: string | undefined;
  readonly clusterName: string;
  readonly region: string | undefined;
  /** Instead of AWS's own addresses. */
  readonly endpoint: string | undefined;
  /** Files of NodeOverlays, beside those of the cluster. */
  readonly overlays: readonly string[];
  /** Name or URL. */
  readonly interruptionQueue: string | undefined;
  readonly seed: number;
  readonly speed: number;
  readonly workload: string;
  /** Real time; undefined: until stopped. */
  readonly durationMs: number | undefined;
  readonly extenderAddress: ListenAddress;
  readonly operationsAddress: ListenAddress;
  readonly tlsCertificate: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  readonly allowedClient: readonly string[];
  readonly leaderElect: boolean;
  readonly leaderElectionNamespace: string | undefined;
  readonly leaderElectionName: string;
  readonly bind: BindMode;
  readonly schedulerName: string;
  readonly sideBySide: ServiceSettings['sideBySide'];
  readonly batchIdleMs: number;
  readonly batchMaxMs: number;
  readonly timeLimitMs: number;
  readonly gap: number;
  readonly threads: number;
  readonly nodeCostNano: number;
  readonly spotPremium: number;
  readonly master: 'glpk' | 'highs';
  readonly logLevel: LogLevel | undefined;
}

const seedMax = 0xffffffff;

export function serveCommand(
  serve: (options: ServeCommandOptions) => Promise<number>,
  setExitCode: (code: number) => void,
): Command {
  return new Command('serve')
    .description(
      'run the provisioner: on a cluster, or on a simulated one to look at (the default)',
    )
    .addOption(
      new Option('--cluster <where>', 'a simulated cluster in this process, or a real one')
        .choices(['embedded', 'kubernetes'])
        .default('embedded'),
    )
    .addOption(
      new Option('--cloud <which>', 'where nodes come from')
        .choices(['simulated', 'ec2'])
        .default('simulated'),
    )
    .option('--kubeconfig <file>', 'how to reach the cluster; without it as a pod of the cluster')
    .option('--cluster-name <name>', 'tags instances as belonging to this cluster', 'default')
    .option('--region <name>', 'of EC2; without it as AWS_REGION says')
    .option('--endpoint <url>', 'a simulated EC2, such as that of stowage fake-ec2, instead of AWS')
    .option(
      '--interruption-queue <name>',
      'name or URL of the SQS queue that tells of interruptions',
    )
    .addOption(
      new Option(
        '--overlays <file>',
        'NodeOverlays (prices, devices) beside those of the cluster; repeatable',
      ).argParser(collect),
    )
    .addOption(
      new Option('--workload <name>', 'embedded: what is submitted')
        .choices(['day', 'steady', 'burst', 'quiet'])
        .default('day'),
    )
    .addOption(
      new Option('--speed <factor>', 'embedded: simulated seconds per second')
        .argParser(parseSpeed)
        .default(20, '20'),
    )
    .addOption(
      new Option('--seed <number>', 'of the simulated world and of the solver')
        .argParser(integerParser(0, seedMax))
        .default(1),
    )
    .addOption(
      new Option('--duration <duration>', 'end by itself after this long').argParser(
        parseDurationMs,
      ),
    )
    .addOption(
      new Option('--extender-address <host:port>', 'where kube-scheduler asks; port 0: any')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 9443 }, '127.0.0.1:9443'),
    )
    .addOption(
      new Option('--operations-address <host:port>', 'dashboard, metrics and health; port 0: any')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'),
    )
    .option(
      '--tls-certificate <file>',
      'PEM; needed where the extender does not listen on loopback',
    )
    .option('--tls-key <file>', 'PEM')
    .option('--tls-client-ca <file>', 'PEM; who signs the certificates of allowed clients')
    .addOption(
      new Option(
        '--allowed-client <name>',
        'common name, DNS name or URI of a client that may ask; repeatable',
      ).argParser(collect),
    )
    .option('--no-leader-elect', 'lead at once, without a Lease: for a single replica')
    .option('--leader-election-namespace <name>', 'where the Lease is; default: our own namespace')
    .option('--leader-election-name <name>', 'of the Lease', 'stowage-leader')
    .addOption(
      new Option(
        '--bind <whose>',
        "pods bound to the nodes launched for them: the default scheduler's and our profile's, our profile's, none",
      )
        .choices(['default', 'own', 'none'])
        .default('default'),
    )
    .option('--scheduler-name <name>', 'our scheduler profile', 'stowage')
    .addOption(
      new Option(
        '--side-by-side <how>',
        'auto: leave to a running Karpenter what is of its group; replace: serve it in any case',
      )
        .choices(['auto', 'replace'])
        .default('auto'),
    )
    .addOption(
      new Option('--batch-idle <duration>', 'a batch is complete when no pod has come for so long')
        .argParser(parseDurationMs)
        .default(100, '100ms'),
    )
    .addOption(
      new Option('--batch-max <duration>', 'and at the latest so long after its first pod')
        .argParser(parseDurationMs)
        .default(1000, '1s'),
    )
    .addOption(
      new Option('--time-limit <duration>', 'of one solve; larger batches get up to four times it')
        .argParser(parseDurationMs)
        .default(500, '500ms'),
    )
    .addOption(
      new Option('--gap <ratio>', 'stop when a plan is proven this close to the optimum')
        .argParser(ratioParser(1))
        .default(0.01),
    )
    .addOption(
      new Option('--threads <1|2>', 'of one solve').argParser(integerParser(1, 2)).default(2),
    )
    .addOption(
      new Option('--node-cost <usd>', 'cost per node and hour that steers plans, not billed')
        .argParser(parseNodeCostNano)
        .default(0, '0'),
    )
    .addOption(
      new Option('--spot-premium <ratio>', 'share of its price that steers plans off spot')
        .argParser(ratioParser(10))
        .default(0.1),
    )
    .addOption(
      new Option('--master <backend>', 'linear programming backend')
        .choices(['glpk', 'highs'])
        .default('glpk'),
    )
    .addOption(
      new Option('--log-level <level>', 'default: warn when embedded, info on a cluster').choices([
        ...logLevels,
      ]),
    )
    .action(async (_, command: Command) => {
      const { duration, timeLimit, batchIdle, batchMax, nodeCost, ...rest } = command.opts();
      setExitCode(
        await serve({
          allowedClient: [],
          overlays: [],
          ...rest,
          durationMs: duration,
          timeLimitMs: timeLimit,
          batchIdleMs: batchIdle,
          batchMaxMs: batchMax,
          nodeCostNano: nodeCost,
        } as unknown as ServeCommandOptions),
      );
    });
}
