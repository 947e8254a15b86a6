/**
 * The command line: every command, option, default and help text of `stowage`.
 *
 * In: the actions behind the commands. Out: a commander program that parses, validates and calls
 * them with typed options. It does no work of its own, so that `--help` and a typing error answer
 * without loading the solver.
 */
import { Command, Option } from 'commander';
import { type DoctorCommandOptions, doctorCommand } from './doctor-program.ts';
import { type ExplainCommandOptions, explainCommand } from './explain-program.ts';
import { type FakeEc2CommandOptions, fakeEc2Command } from './fake-ec2-program.ts';
import {
  collect,
  integerParser,
  parseDurationMs,
  parseMemoryOverhead,
  parseNodeCostNano,
  ratioParser,
} from './option-values.ts';
import { type ServeCommandOptions, serveCommand } from './serve-program.ts';

/** What decides the packing problem: a plan can only be checked under the options it was made with. */
export interface ModelCommandOptions {
  /** Files, directories, or `-` for standard input, in the order given; may be empty. */
  readonly filename: readonly string[];
  /** `measured`, or the share of nominal memory that is not the node's. */
  readonly memoryOverhead: 'measured' | number;
  /** Most new nodes; undefined for no limit. */
  readonly maxNodes: number | undefined;
}

/** Options of `stowage plan`, parsed. */
export interface PlanCommandOptions extends ModelCommandOptions {
  readonly output: 'table' | 'json' | 'html';
  /** File for the answer; undefined for standard output. */
  readonly out: string | undefined;
  readonly gap: number;
  readonly timeLimitMs: number;
  readonly seed: number;
  readonly threads: number;
  /** Nano-USD per hour that the search adds to every new node. */
  readonly nodeCostNano: number;
  /** Share of its price that the search adds to a spot offering. */
  readonly spotPremium: number;
  readonly master: 'glpk' | 'highs';
}

/** Options of `stowage instance-types`, parsed. */
export interface InstanceTypesCommandOptions {
  readonly filename: readonly string[];
  readonly output: 'table' | 'json';
  readonly memoryOverhead: 'measured' | number;
}

/** What the commands do; each answers with the exit code. */
export interface CommandActions {
  plan(options: PlanCommandOptions): Promise<number>;
  instanceTypes(options: InstanceTypesCommandOptions): Promise<number>;
  verify(planFile: string, options: ModelCommandOptions): Promise<number>;
  serve(options: ServeCommandOptions): Promise<number>;
  explain(options: ExplainCommandOptions): Promise<number>;
  doctor(options: DoctorCommandOptions): Promise<number>;
  fakeEc2(options: FakeEc2CommandOptions): Promise<number>;
}

const seedMax = 0xffffffff;
const nodesMax = 1_000_000;

const filenameOption = (): Option =>
  new Option(
    '-f, --filename <path>',
    'manifests: a YAML or JSON file, a directory, or - for standard input; repeatable',
  ).argParser(collect);

const memoryOverheadOption = (): Option =>
  new Option(
    '--memory-overhead <measured|ratio>',
    'memory that the machine keeps: what was measured on each type, or a share of the nominal size',
  )
    .argParser(parseMemoryOverhead)
    .default('measured');

const maxNodesOption = (): Option =>
  new Option('--max-nodes <count>', 'most new nodes in all').argParser(integerParser(0, nodesMax));

function planCommand(actions: CommandActions, setExitCode: (code: number) => void): Command {
  return new Command('plan')
    .description('find the cheapest nodes that hold the pods of the manifests, with a proof')
    .addOption(filenameOption().makeOptionMandatory())
    .addOption(
      new Option('-o, --output <format>', 'how the plan is written')
        .choices(['table', 'json', 'html'])
        .default('table'),
    )
    .option('--out <file>', 'write the plan to a file instead of standard output')
    .addOption(
      new Option('--gap <ratio>', 'stop when the plan is proven this close to the optimum')
        .argParser(ratioParser(1))
        .default(0.001),
    )
    .addOption(
      new Option('--time-limit <duration>', 'stop then, with the best plan and the best bound')
        .argParser(parseDurationMs)
        .default(5000, '5s'),
    )
    .addOption(
      new Option('--seed <number>', 'same input, options and seed: same search')
        .argParser(integerParser(0, seedMax))
        .default(1),
    )
    .addOption(
      new Option('--threads <1|2>', '2: one raises the bound while the other lowers the cost')
        .argParser(integerParser(1, 2))
        .default(2),
    )
    .addOption(maxNodesOption())
    .addOption(
      new Option('--node-cost <usd>', 'cost per node and hour that steers the search, not billed')
        .argParser(parseNodeCostNano)
        .default(0, '0'),
    )
    .addOption(
      new Option('--spot-premium <ratio>', 'share of its price that steers the search off spot')
        .argParser(ratioParser(10))
        .default(0),
    )
    .addOption(memoryOverheadOption())
    .addOption(
      new Option('--master <backend>', 'linear programming backend')
        .choices(['glpk', 'highs'])
        .default('glpk'),
    )
    .action(async (_, command: Command) => {
      const { timeLimit, nodeCost, ...rest } = command.opts();
      const options = { maxNodes: undefined, out: undefined, ...rest };
      setExitCode(
        await actions.plan({
          ...options,
          timeLimitMs: timeLimit,
          nodeCostNano: nodeCost,
        } as PlanCommandOptions),
      );
    });
}

function instanceTypesCommand(
  actions: CommandActions,
  setExitCode: (code: number) => void,
): Command {
  return new Command('instance-types')
    .description('list instance types with what they offer to pods and what they cost')
    .addOption(filenameOption())
    .addOption(
      new Option('-o, --output <format>', 'how the list is written')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addOption(memoryOverheadOption())
    .action(async (_, command: Command) => {
      const options = { filename: [], ...command.opts() };
      setExitCode(await actions.instanceTypes(options as unknown as InstanceTypesCommandOptions));
    });
}

function verifyCommand(actions: CommandActions, setExitCode: (code: number) => void): Command {
  return new Command('verify')
    .description('re-check the feasibility, cost and certificate of a plan without the solver')
    .argument('<plan>', 'the plan as written by plan -o json; - for standard input')
    .addOption(filenameOption().makeOptionMandatory())
    .addOption(memoryOverheadOption())
    .addOption(maxNodesOption())
    .action(async (planFile: string, _, command: Command) => {
      const options = { maxNodes: undefined, ...command.opts() };
      setExitCode(await actions.verify(planFile, options as ModelCommandOptions));
    });
}

/**
 * The program, ready for `parseAsync(process.argv)`.
 *
 * @param setExitCode is told how a command ended; commander itself ends the process with 1 on a
 * bad option unless the caller overrides that.
 */
export function createProgram(
  actions: CommandActions,
  version: string,
  setExitCode: (code: number) => void,
): Command {
  const program = new Command('stowage')
    .description('The cheapest EC2 nodes that provably fit under the pods, and those pods on them.')
    .version(version, '--version', 'print the version')
    .helpCommand(false)
    .showHelpAfterError('(add --help to the command to see what it takes)')
    .addHelpText(
      'after',
      '\nExit codes: 0 every pod has a place, 2 some pods have none, 1 an error.',
    );
  for (const makeCommand of [planCommand, instanceTypesCommand, verifyCommand]) {
    program.addCommand(makeCommand(actions, setExitCode).copyInheritedSettings(program));
  }
  program.addCommand(
    serveCommand((options) => actions.serve(options), setExitCode).copyInheritedSettings(program),
  );
  program.addCommand(
    explainCommand((options) => actions.explain(options), setExitCode).copyInheritedSettings(
      program,
    ),
  );
  program.addCommand(
    fakeEc2Command((options) => actions.fakeEc2(options), setExitCode).copyInheritedSettings(
      program,
    ),
  );
  program.addCommand(
    doctorCommand((options) => actions.doctor(options), setExitCode).copyInheritedSettings(program),
  );
  return program;
}
