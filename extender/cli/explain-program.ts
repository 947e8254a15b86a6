/**
 * The words of `stowage explain`.
 *
 * In: what the command does. Out: a commander command that parses its options. It asks nobody.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';

/** Options of `stowage explain`, parsed. */
export interface ExplainCommandOptions {
  readonly kind: 'pod' | 'node';
  readonly name: string;
  readonly namespace: string;
  /** Where the service answers; without a slash at the end. */
  readonly server: string;
  readonly output: 'table' | 'json';
}

const defaultServer = 'http://127.0.0.1:8080';

/** @param setExitCode is told how the command ended */
export function explainCommand(
  explain: (options: ExplainCommandOptions) => Promise<number>,
  setExitCode: (code: number) => void,
): Command {
  return new Command('explain')
    .description('ask a running service why a pod waits, or why a node is there')
    .addArgument(new Argument('<kind>', 'what is asked about').choices(['pod', 'node']))
    .argument('<name>', 'its name; for a node that has not joined yet, the name of its NodeClaim')
    .option('-n, --namespace <name>', 'namespace of the pod', 'default')
    .addOption(
      new Option('--server <url>', 'metrics and health address of the service')
        .argParser(parseServer)
        .default(defaultServer),
    )
    .addOption(
      new Option('-o, --output <format>', 'how the answer is written')
        .choices(['table', 'json'])
        .default('table'),
    )
    .action(async (kind: 'pod' | 'node', name: string, _, command: Command) => {
      const options = command.opts<Omit<ExplainCommandOptions, 'kind' | 'name'>>();
      setExitCode(await explain({ kind, name, ...options }));
    });
}

function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError(`Expected a URL such as ${defaultServer}.`);
  }
  return text.replace(/\/+$/, '');
}
