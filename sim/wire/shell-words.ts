/**
 * Shell text into words, as far as bootstrap scripts need it.
 *
 * In: text. Out: its words with quotes and line continuations resolved. Nothing is expanded.
 */

/** An unclosed quote ends with the text. */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    const next = text.charAt(at + 1);
    if (quote === "'") {
      if (letter === "'") quote = '';
      else word = (word ?? '') + letter;
    } else if (letter === '\\') {
      at += 1;
      if (next !== '\n') word = (word ?? '') + next;
    } else if (quote === '"') {
      if (letter === '"') quote = '';
      else word = (word ?? '') + letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** `--name=value` and `--name value` of words; a flag alone is 'true'. The last one counts. */
export function flagsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (let at = 0; at < words.length; at += 1) {
    const match = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(words[at] ?? '');
    const name = match?.[1];
    if (name === undefined) continue;
    const next = words[at + 1];
    const takesNext = match?.[2] === undefined && next !== undefined && !/^--?[a-zA-Z]/.test(next);
    flags.set(name, match?.[2] ?? (takesNext ? next : 'true'));
    if (takesNext) at += 1;
  }
  return flags;
}
