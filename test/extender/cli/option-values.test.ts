/** Values of command line options, in the units that people write. */
import { InvalidArgumentError } from 'commander';
import t from 'tap';
import {
  integerParser,
  parseDurationMs,
  parseMemoryOverhead,
  parseNodeCostNano,
  ratioParser,
} from '../../../extender/cli/option-values.ts';

const cases = [
  {
    name: 'a duration',
    parse: parseDurationMs,
    good: {
      '500ms': 500,
      '5s': 5000,
      '5': 5000,
      '0.5': 500,
      '1.5m': 90_000,
      '1m30s': 90_000,
      '24h': 86_400_000,
    },
    bad: ['', '0', 's', '5 s', '-1s', '0s', '25h', '1e3s'],
  },
  {
    name: 'a ratio below 1',
    parse: ratioParser(1),
    good: { '0': 0, '0.001': 0.001, '.5': 0.5, '5%': 0.05, '0.1%': 0.001 },
    bad: ['', '1', '-0.1', '100%', 'x', '0.5.5', 'NaN'],
  },
  {
    name: 'a whole number from 1 to 2',
    parse: integerParser(1, 2),
    good: { '1': 1, '2': 2 },
    bad: ['0', '3', '1.5', '-1', '', '1e0', '0x1'],
  },
  {
    name: 'USD per hour',
    parse: parseNodeCostNano,
    good: { '0': 0, '0.005': 5_000_000, '1': 1_000_000_000 },
    bad: ['', '-1', '1001', '$1', '1e3'],
  },
  {
    name: 'a memory overhead',
    parse: parseMemoryOverhead,
    good: { measured: 'measured', '0.075': 0.075, '7.5%': 0.075 },
    bad: ['', 'Measured', '1', '-0.1'],
  },
] as const;

for (const { name, parse, good, bad } of cases) {
  t.test(`${name} is read as people write it, and nothing else is`, (t) => {
    for (const [text, value] of Object.entries(good)) t.equal(parse(text), value, text);
    for (const text of bad) t.throws(() => parse(text), InvalidArgumentError, JSON.stringify(text));
    t.end();
  });
}

t.test('a refused value says what would be taken', (t) => {
  t.throws(() => parseDurationMs('soon'), {
    message: 'Expected a duration such as 500ms, 5s or 1m30s.',
  });
  t.throws(() => integerParser(1, 2)('3'), { message: 'Expected a whole number from 1 to 2.' });
  t.throws(() => parseMemoryOverhead('some'), { message: /'measured', or a ratio/ });
  t.end();
});
