/**
 * The words of `stowage doctor`.
 *
 * In: what the command does. Out: a commander command that parses its options. It asks nobody.
 */
import { Command, Option } from 'commander';

/** Options of `stowage doctor`, parsed. */
export interface DoctorCommandOptions {
  /** Undefined: as kubectl finds it, or as a pod of the cluster. */
  readonly kubeconfig: string | undefined;
  readonly clusterName: string;
  /** Undefined: as the environment says. */
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly interruptionQueue: string | undefined;
  readonly namespace: string;
  /** `namespace/name`; undefined: the rights of whoever asks are looked at. */
  readonly serviceAccount: string | undefined;
  readonly only: 'all' | 'cluster' | 'cloud';
  readonly output: 'table' | 'json';
}

/** @param setExitCode is told how the command ended */
export function doctorCommand(
  doctor: (options: DoctorCommandOptions) => Promise<number>,
  setExitCode: (code: number) => void,
): Command {
  return new Command('doctor')
    .description('check what the service needs of the cluster and of AWS, and say what to fix')
    .option('--kubeconfig <file>', 'how to reach the cluster; default: as kubectl finds it')
    .option(
      '--cluster-name <name>',
      'of the EKS cluster, and in the tags of what is ours',
      'default',
    )
    .option('--region <name>', 'of AWS; default: AWS_REGION or AWS_DEFAULT_REGION')
    .option('--endpoint <url>', 'instead of AWS, such as a simulated EC2')
    .option('--interruption-queue <name>', 'name or URL of the queue that EventBridge writes to')
    .option('--namespace <name>', 'where Stowage runs', 'stowage-system')
    .option('--service-account <namespace/name>', 'whose rights on the cluster; default: your own')
    .addOption(
      new Option('--only <part>', 'what to look at')
        .choices(['all', 'cluster', 'cloud'])
        .default('all'),
    )
    .addOption(
      new Option('-o, --output <format>', 'how the findings are written')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (_, command: Command) => {
      const absent = {
        kubeconfig: undefined,
        region: undefined,
        endpoint: undefined,
        interruptionQueue: undefined,
        serviceAccount: undefined,
      };
      setExitCode(await doctor({ ...absent, ...command.opts<DoctorCommandOptions>() }));
    });
}
