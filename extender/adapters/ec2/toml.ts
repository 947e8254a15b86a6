/**
 * TOML for Bottlerocket's settings.
 *
 * In: text or settings. Out: settings or text. Bound to one library here, so that `core` needs none.
 */
import { parse, stringify } from 'smol-toml';
import type { Toml } from '../../../core/ec2/user-data/user-data.ts';

export const toml: Toml = {
  parse: (text) => parse(text),
  stringify: (settings) => `${stringify(settings)}\n`,
};
