/** The commands and options of the program, and how it refuses others. */
import { CommanderError } from 'commander';
import t from 'tap';
import { createProgram } from '../../../extender/cli/program.ts';

/** Runs a command line against actions that only remember what they were told. */
async function run(...words: string[]) {
  const calls: unknown[] = [];
  const codes: number[] = [];
  let stdout = '';
  let stderr = '';
  const remember =
    (command: string, code: number) =>
    async (...args: unknown[]) => {
      calls.push([command, ...args]);
      return code;
    };
  const program = createProgram(
    {
      plan: remember('plan', 2),
      instanceTypes: remember('instance-types', 0),
      verify: remember('verify', 1),
      serve: remember('serve', 0),
      explain: remember('explain', 0),
      doctor: remember('doctor', 0),
      fakeEc2: remember('fakeEc2', 0),
    },
    '1.2.3',
    (code) => codes.push(code),
  );
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => {
        stdout += text;
      },
      writeErr: (text) => {
        stderr += text;
      },
    });
  }
  let exitCode: number | undefined;
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    exitCode = error.exitCode;
  }
  return { calls, codes, stdout, stderr, exitCode };
}

t.test('plan has the documented defaults', async (t) => {
  const { calls, codes } = await run('plan', '-f', 'pods.yaml');
  t.strictSame(calls, [
    [
      'plan',
      {
        filename: ['pods.yaml'],
        output: 'table',
        out: undefined,
        gap: 0.001,
        timeLimitMs: 5000,
        seed: 1,
        threads: 2,
        maxNodes: undefined,
        nodeCostNano: 0,
        spotPremium: 0,
        memoryOverhead: 'measured',
        master: 'glpk',
      },
    ],
  ]);
  t.strictSame(codes, [2], 'the exit code of the action is passed on');
});

t.test('every option of plan is parsed into units', async (t) => {
  const { calls } = await run(
    ...'plan -f a -f b -o json --out x.json --gap 1% --time-limit 1m --seed 7 --threads 1'.split(
      ' ',
    ),
    ...'--max-nodes 12 --node-cost 0.01 --spot-premium 10% --memory-overhead 0.075'.split(' '),
    ...'--master highs'.split(' '),
  );
  t.strictSame(calls, [
    [
      'plan',
      {
        filename: ['a', 'b'],
        output: 'json',
        out: 'x.json',
        gap: 0.01,
        timeLimitMs: 60_000,
        seed: 7,
        threads: 1,
        maxNodes: 12,
        nodeCostNano: 10_000_000,
        spotPremium: 0.1,
        memoryOverhead: 0.075,
        master: 'highs',
      },
    ],
  ]);
});

t.test('instance-types needs no file', async (t) => {
  const { calls } = await run('instance-types', '-o', 'json');
  t.strictSame(calls, [
    ['instance-types', { filename: [], output: 'json', memoryOverhead: 'measured' }],
  ]);
});

t.test('verify takes the plan and the options that its problem depends on', async (t) => {
  const { calls } = await run('verify', '-f', 'pods.yaml', 'plan.json', '--max-nodes', '3');
  t.strictSame(calls, [
    ['verify', 'plan.json', { filename: ['pods.yaml'], memoryOverhead: 'measured', maxNodes: 3 }],
  ]);
});

t.test('explain asks about a pod or a node, here unless told where', async (t) => {
  const { calls } = await run('explain', 'pod', 'web-0', '-n', 'shop', '-o', 'json');
  const server = 'http://127.0.0.1:8080';
  t.strictSame(calls, [
    ['explain', { kind: 'pod', name: 'web-0', namespace: 'shop', server, output: 'json' }],
  ]);
  const other = await run('explain', 'node', 'n1', '--server', 'http://[::1]:9000/');
  t.match(other.calls, [
    ['explain', { kind: 'node', name: 'n1', namespace: 'default', server: 'http://[::1]:9000' }],
  ]);
});

const mistakes = [
  {
    name: 'explaining something else',
    words: ['explain', 'service', 'web'],
    message: /argument 'kind'.*Allowed choices are pod, node/,
  },
  {
    name: 'a server that is no URL',
    words: ['explain', 'pod', 'web', '--server', 'localhost'],
    message: /--server <url>.*Expected a URL such as http/s,
  },
  {
    name: 'a wrong value',
    words: ['plan', '-f', 'a', '--gap', '2'],
    message: /--gap <ratio>.*Expected a ratio/s,
  },
  {
    name: 'a wrong choice',
    words: ['plan', '-f', 'a', '-o', 'xml'],
    message: /Allowed choices are table, json, html/,
  },
  {
    name: 'an unknown option',
    words: ['plan', '-f', 'a', '--gpa', '1'],
    message: /unknown option '--gpa'[^]*Did you mean --gap/,
  },
  { name: 'an unknown command', words: ['plot'], message: /unknown command 'plot'/ },
  {
    name: 'a word too many',
    words: ['plan', '-f', 'a', 'pods.yaml'],
    message: /too many arguments/,
  },
  {
    name: 'plan without manifests',
    words: ['plan'],
    message: /required option '-f, --filename <path>'/,
  },
  {
    name: 'verify without manifests',
    words: ['verify', 'plan.json'],
    message: /required option '-f, --filename <path>'/,
  },
  {
    name: 'verify without a plan',
    words: ['verify', '-f', 'a'],
    message: /missing required argument 'plan'/,
  },
];
for (const { name, words, message } of mistakes) {
  t.test(`${name} is an error with exit code 1, and nothing runs`, async (t) => {
    const { calls, stdout, stderr, exitCode } = await run(...words);
    t.strictSame(calls, []);
    t.equal(exitCode, 1);
    t.match(stderr, message);
    t.equal(stdout, '');
  });
}

t.test('help and version go to standard output with exit code 0', async (t) => {
  const help = await run('--help');
  t.equal(help.exitCode, 0);
  t.matchSnapshot(help.stdout, 'stowage --help');
  t.matchSnapshot((await run('plan', '--help')).stdout, 'stowage plan --help');
  t.matchSnapshot((await run('verify', '--help')).stdout, 'stowage verify --help');
  const version = await run('--version');
  t.equal(version.stdout, '1.2.3\n');
  t.equal(version.exitCode, 0);
});
