/** Columns of text in the width of a terminal. */
import t from 'tap';
import {
  alignColumns,
  hangingLines,
  visibleLength,
} from '../../../extender/output/text-columns.ts';

const columns = [
  { title: 'NAME', align: 'left', cell: (row: string[]) => row[0]! },
  { title: 'ZONE', align: 'left', cell: (row: string[]) => row[1]!, dropRank: 1 },
  { title: 'N', align: 'right', cell: (row: string[]) => row[2]!, dropRank: 2 },
] as const;
const rows = [
  ['a', 'us-east-1a', '7'],
  ['longer', 'b', '12'],
];
const plain = (title: string): string => title;

t.test('cells line up under their titles, numbers to the right', (t) => {
  t.equal(
    alignColumns(columns, rows, 80, plain),
    ['NAME    ZONE         N', 'a       us-east-1a   7', 'longer  b           12'].join('\n'),
  );
  t.end();
});

t.test('colour codes take no room', (t) => {
  const [, line] = alignColumns(columns, [['\x1b[1ma\x1b[22m', 'z', '1']], 80, plain).split('\n');
  t.equal(visibleLength(line!), 'NAME  ZONE  N'.length);
  t.end();
});

t.test('where the terminal is narrow, columns go by their rank and never the first', (t) => {
  t.equal(alignColumns(columns, rows, 18, plain).split('\n')[0], 'NAME    ZONE');
  t.equal(alignColumns(columns, rows, 3, plain).split('\n')[0], 'NAME');
  t.end();
});

t.test('wrapped words hang under the text, and a long word stays whole', (t) => {
  t.strictSame(hangingLines('- ', 'one two three', 9), ['- one two', '  three']);
  t.strictSame(hangingLines('- ', 'immeasurable', 5), ['- immeasurable']);
  t.end();
});
