/**
 * User data as machines of each image family read it.
 *
 * In: the text that an instance was launched with. Out: how its kubelet registers: labels, taints and
 * settings; `undefined` where a real machine would not join. Written from the images' own formats, not
 * from what our provider writes: nodeadm's NodeConfig (AL2023), arguments of bootstrap.sh (AL2),
 * Bottlerocket's TOML, Start-EKSBootstrap.ps1 (Windows).
 */
import { parse as parseToml } from 'smol-toml';
import { parseAllDocuments } from 'yaml';
import type { EC2NodeClass } from '../../core/api/ec2nodeclass.ts';
import type { Taint } from '../../core/api/kubernetes.ts';
import { readJsonUserData, type UserData, type UserDataReader } from '../user-data.ts';
import { flagsOf, shellWords } from './shell-words.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Reads what any family's machine would; JSON is what `cloud.ts` writes. */
export const readMachineUserData: UserDataReader = (text) => {
  const trimmed = text.trimStart();
  if (trimmed.startsWith('{')) return readJsonUserData(text);
  if (/<powershell>/i.test(text)) return readWindows(text);
  const parts = mimeBodies(text) ?? [text];
  return readNodeConfigs(parts) ?? readBootstrap(parts) ?? readSettings(text);
};

/** Bodies of a MIME archive; `undefined` if the text is none. */
function mimeBodies(text: string): readonly string[] | undefined {
  const boundary = /^content-type:\s*multipart\/mixed;\s*boundary="?([^"\r\n;]+)"?/im.exec(
    text,
  )?.[1];
  if (boundary === undefined) return undefined;
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const bodies: string[] = [];
  let current: string[] | undefined;
  for (const line of lines) {
    if (line === `--${boundary}` || line === `--${boundary}--`) {
      if (current !== undefined) bodies.push(current.join('\n'));
      current = line === `--${boundary}` ? [] : undefined;
    } else current?.push(line);
  }
  // Headers end at the first empty line.
  return bodies.map((body) => body.slice(body.indexOf('\n\n') + 2));
}

/** NodeConfigs are merged in order, the later one wins. */
function readNodeConfigs(parts: readonly string[]): UserData | undefined {
  const configs = parts
    .filter((part) => /^\s*apiVersion:\s*['"]?node\.eks\.aws\//m.test(part))
    .flatMap((part) => parseAllDocuments(part))
    .map((document) => (document as { toJS(): unknown }).toJS())
    .filter((value) => isTable(value));
  if (configs.length === 0) return undefined;
  const merged = configs.reduce<Fields>((all, one) => merge(all, one), {});
  const spec = table(merged['spec']);
  const cluster = table(spec['cluster']);
  if (typeof cluster['name'] !== 'string' || typeof cluster['apiServerEndpoint'] !== 'string') {
    return undefined;
  }
  const kubelet = table(spec['kubelet']);
  const config = table(kubelet['config']);
  const flags = flagsOf(texts(kubelet['flags']));
  const { registerWithTaints, ...settings } = config;
  const localStorage = table(table(spec['instance'])['localStorage']);
  return {
    labels: labelsOf(flags.get('node-labels')),
    taints: Array.isArray(registerWithTaints)
      ? (registerWithTaints as readonly Taint[])
      : taintsOf(flags.get('register-with-taints')),
    nodeClass: nodeClassOf('al2023', settings, localStorage['strategy'] === 'RAID0'),
  };
}

/** The last call of bootstrap.sh in a script. */
function readBootstrap(parts: readonly string[]): UserData | undefined {
  const script = parts.findLast((part) => part.includes('/etc/eks/bootstrap.sh'));
  if (script === undefined) return undefined;
  const call = script.slice(script.lastIndexOf('/etc/eks/bootstrap.sh'));
  const end = call.search(/(?<!\\)\n/);
  const words = shellWords(end < 0 ? call : call.slice(0, end));
  const options = optionsOf(words);
  const flags = flagsOf(shellWords(options.get('kubelet-extra-args') ?? ''));
  return {
    ...registrationOf(flags),
    nodeClass: nodeClassOf('al2', settingsOf(flags), options.get('local-disks') === 'raid0'),
  };
}

/** Every option of bootstrap.sh takes a value, whatever it looks like. */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    words.flatMap((word, at): [string, string][] =>
      word.startsWith('--') ? [[word.slice(2), words[at + 1] ?? '']] : [],
    ),
  );
}

function readWindows(text: string): UserData | undefined {
  const quoted = /-KubeletExtraArgs\s+'((?:[^']|'')*)'/.exec(text)?.[1];
  if (quoted === undefined) return undefined;
  const flags = flagsOf(shellWords(quoted.replaceAll("''", "'")));
  return {
    ...registrationOf(flags),
    nodeClass: nodeClassOf('windows2022', settingsOf(flags), false),
  };
}

/** Bottlerocket. */
function readSettings(text: string): UserData | undefined {
  let root: Fields;
  try {
    root = parseToml(text);
  } catch {
    return undefined;
  }
  const settings = table(root['settings']);
  const kubernetes = table(settings['kubernetes']);
  if (typeof kubernetes['cluster-name'] !== 'string') return undefined;
  const taints = Object.entries(table(kubernetes['node-taints'])).flatMap(([key, values]) =>
    texts(values).map((value) => taintOf(`${key}=${value}`)),
  );
  const known = {
    maxPods: kubernetes['max-pods'],
    kubeReserved: kubernetes['kube-reserved'],
    systemReserved: kubernetes['system-reserved'],
    evictionHard: kubernetes['eviction-hard'],
  };
  const kubelet = Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== undefined),
  );
  const joinsDisks = JSON.stringify(settings['bootstrap-commands'] ?? {}).includes(
    'ephemeral-storage',
  );
  return {
    labels: Object.fromEntries(
      Object.entries(table(kubernetes['node-labels'])).map(([key, value]) => [key, String(value)]),
    ),
    taints,
    nodeClass: nodeClassOf('bottlerocket', kubelet, joinsDisks),
  };
}

function registrationOf(flags: ReadonlyMap<string, string>): Pick<UserData, 'labels' | 'taints'> {
  return {
    labels: labelsOf(flags.get('node-labels')),
    taints: taintsOf(flags.get('register-with-taints')),
  };
}

/** Kubelet flags as fields of its configuration. */
function settingsOf(flags: ReadonlyMap<string, string>): Fields {
  const settings: Record<string, unknown> = {};
  const maxPods = flags.get('max-pods');
  const podsPerCore = flags.get('pods-per-core');
  if (maxPods !== undefined) settings['maxPods'] = Number(maxPods);
  if (podsPerCore !== undefined) settings['podsPerCore'] = Number(podsPerCore);
  for (const [field, flag, between] of [
    ['kubeReserved', 'kube-reserved', '='],
    ['systemReserved', 'system-reserved', '='],
    ['evictionHard', 'eviction-hard', '<'],
  ] as const) {
    const text = flags.get(flag);
    if (text !== undefined) settings[field] = pairsOf(text, between);
  }
  return settings;
}

function labelsOf(text: string | undefined): Readonly<Record<string, string>> {
  return text === undefined ? {} : pairsOf(text, '=');
}

function pairsOf(text: string, between: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text
      .split(',')
      .filter((pair) => pair !== '')
      .map((pair): [string, string] => {
        const at = pair.indexOf(between);
        return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + between.length)];
      }),
  );
}

function taintsOf(text: string | undefined): readonly Taint[] {
  return (text ?? '')
    .split(',')
    .filter((taint) => taint !== '')
    .map(taintOf);
}

/** `key=value:effect`, the value being optional. */
function taintOf(text: string): Taint {
  const [pair, effect] = splitLast(text, ':');
  const at = pair.indexOf('=');
  const key = at < 0 ? pair : pair.slice(0, at);
  const value = at < 0 ? '' : pair.slice(at + 1);
  return { key, effect: effect as Taint['effect'], ...(value === '' ? {} : { value }) };
}

function splitLast(text: string, separator: string): [string, string] {
  const at = text.lastIndexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** The settings in the form in which sizes of nodes are computed from. */
function nodeClassOf(family: string, kubelet: Fields, joinsDisks: boolean): EC2NodeClass {
  return {
    apiVersion: 'karpenter.k8s.aws/v1',
    kind: 'EC2NodeClass',
    metadata: { name: 'of-the-machine' },
    spec: {
      amiSelectorTerms: [{ alias: `${family}@latest` }],
      subnetSelectorTerms: [],
      securityGroupSelectorTerms: [],
      kubelet,
      ...(joinsDisks ? { instanceStorePolicy: 'RAID0' as const } : {}),
    },
  };
}

function merge(under: Fields, over: Fields): Fields {
  const result: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isTable(below) && isTable(value) ? merge(below, value) : value;
  }
  return result;
}

function table(value: unknown): Fields {
  return isTable(value) ? value : {};
}

function isTable(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
