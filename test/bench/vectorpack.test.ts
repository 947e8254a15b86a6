/** Reading tar archives and Vectorpack instances. */
import t from 'tap';
import { readTar } from '../../bench/tar.ts';
import { parseInstance } from '../../bench/vectorpack-instances.ts';
import { firstFit } from '../../core/packing/first-fit.ts';
import { findProblemDefects } from '../../core/packing/problem-shape.ts';

function tarFile(name: string, content: string, type = '0'): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  header.write(type, 156);
  const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
  body.write(content);
  return Buffer.concat([header, body]);
}

t.test('a tar archive gives its regular files', async (t) => {
  const archive = Buffer.concat([
    tarFile('d/', '', '5'),
    tarFile('d/a.vbp', 'x'.repeat(600)),
    tarFile('d/b.vbp', 'y'),
    Buffer.alloc(1024),
  ]);
  t.strictSame(
    readTar(archive).map(({ name, content }) => [name, content.toString()]),
    [
      ['d/a.vbp', 'x'.repeat(600)],
      ['d/b.vbp', 'y'],
    ],
  );
});

t.test('an archive that ends within a file is refused', async (t) => {
  t.throws(() => readTar(tarFile('a', 'x'.repeat(600)).subarray(0, 700)), /broken tar archive/);
});

const instance = '2\n100 80\n3\n60 10 2\n40 70 1\n60 10 1\n';

t.test('equal items become one family and the problem is well-formed', async (t) => {
  const { problem, items } = parseInstance(instance, 'example');
  t.strictSame(findProblemDefects(problem), []);
  t.equal(items, 4);
  t.strictSame(Array.from(problem.demand), [3, 1]);
  t.strictSame(Array.from(problem.request), [60, 10, 40, 70]);
  t.equal(firstFit(problem).costNano, 3e9);
});

t.test('text that is no instance is refused by name', async (t) => {
  t.throws(() => parseInstance('2\n100 80\n3\n60 10 2\n', 'broken'), /broken\.vbp/);
  t.throws(() => parseInstance('', 'empty'), /empty\.vbp/);
});
