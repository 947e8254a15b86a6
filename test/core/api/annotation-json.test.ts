// JSON in annotations is read as asked for, and anything else is as good as not there.

import t from 'tap';
import {
  annotationFields,
  annotationJson,
  annotationStrings,
} from '../../../core/api/annotation-json.ts';

const key = 'stowage.dev/anything';
const at = (text: string) => ({ [key]: text });

t.test('what is missing or no JSON is not there', async (t) => {
  for (const annotations of [undefined, {}, at(''), at('{'), at('nul')]) {
    t.equal(annotationJson(annotations, key), undefined);
    t.equal(annotationFields(annotations, key), undefined);
    t.strictSame(annotationStrings(annotations, key), []);
  }
});

t.test('fields are those of an object and of nothing else', async (t) => {
  t.strictSame(annotationFields(at('{"a":1}'), key), { a: 1 });
  for (const text of ['[]', 'null', '"a"', '1'])
    t.equal(annotationFields(at(text), key), undefined);
});

t.test('a list gives its strings and leaves out what is none', async (t) => {
  t.strictSame(annotationStrings(at('["a",1,null,"b"]'), key), ['a', 'b']);
  for (const text of ['{"a":1}', 'null', '"a"']) {
    t.strictSame(annotationStrings(at(text), key), []);
  }
});
