// One asking for all who want the same answer.

import t from 'tap';
import { SharedAnswers } from '../../core/shared-answers.ts';

function counted(answers: readonly string[]) {
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    ask: async (): Promise<string> => {
      const answer = answers[asked] ?? 'none';
      asked += 1;
      await Promise.resolve();
      if (answer === 'outage') throw new Error(answer);
      return answer;
    },
  };
}

t.test('who asks while somebody asks gets the same', async (t) => {
  const shared = new SharedAnswers<string>(2, () => false);
  const { ask } = counted(['one', 'two']);
  t.strictSame(await Promise.all([shared.of('a', ask), shared.of('a', ask)]), ['one', 'one']);
  t.equal(await shared.of('a', ask), 'two', 'an answer that does not hold is asked for again');
});

t.test('an answer that holds is kept, as long as there are not too many', async (t) => {
  const shared = new SharedAnswers<string>(2, (answer) => answer !== 'no');
  const source = counted(['no', 'yes', 'b', 'c', 'again']);
  await shared.of('a', source.ask);
  t.equal(await shared.of('a', source.ask), 'yes');
  t.equal(await shared.of('a', source.ask), 'yes');
  t.equal(source.asked, 2);
  await shared.of('b', source.ask);
  await shared.of('c', source.ask);
  t.equal(await shared.of('a', source.ask), 'again', 'the oldest gave way');
});

t.test('a failure is told to all who waited, and not kept', async (t) => {
  const shared = new SharedAnswers<string>(2, () => true);
  const { ask } = counted(['outage', 'fine']);
  const both = await Promise.allSettled([shared.of('a', ask), shared.of('a', ask)]);
  t.strictSame(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  t.equal(await shared.of('a', ask), 'fine');
});
