/**
 * Who may import whom, as design section 3 says.
 *
 * In: source files. Out: a sentence per import that breaks a rule, with file and line. Source: the
 * project's design, repeated in docs/ARCHITECTURE.md.
 */
import { type Import, type Room, rooms, type SourceFile } from './source-files.ts';

/** The rooms that the files of a room may import, beside their own. */
const mayImport: Readonly<Record<Room, readonly Room[]>> = {
  core: [],
  'solver-wasm': [],
  workers: ['core', 'solver-wasm'],
  sim: ['core', 'catalogue'],
  catalogue: ['core'],
  extender: ['core', 'solver-wasm', 'workers', 'sim', 'catalogue'],
  bench: rooms,
  test: rooms,
};

/** What core may use of the world outside: it describes schemas, and does nothing. */
const corePackages: readonly string[] = ['typebox'];

/** Where the parts are put together: these name the simulator and the real adapters alike. */
function composes({ path }: SourceFile): boolean {
  return path === 'extender/main.ts' || /^extender\/(cli|composition)\//.test(path);
}

/** Every import that the design does not allow. */
export function findLayerBreaches(files: readonly SourceFile[]): readonly string[] {
  const breaches: string[] = [];
  for (const file of files) {
    for (const one of file.imports) {
      const rule = one.target === undefined ? brokenOutside(file, one) : brokenInside(file, one);
      if (rule !== undefined) breaches.push(`${file.path}:${one.line}: ${rule}`);
    }
  }
  return breaches;
}

function brokenInside(file: SourceFile, { target = '' }: Import): string | undefined {
  const room = rooms.find((one) => target.startsWith(`${one}/`));
  if (room === undefined) {
    return /^(package|asconfig)\.json$/.test(target)
      ? undefined
      : `imports ${target}, which is in no room`;
  }
  if (room !== file.room && !mayImport[file.room].includes(room)) {
    const allowed = mayImport[file.room].join(', ') || 'nothing of ours';
    return `${file.room} imports ${target}; beside itself it may import ${allowed}`;
  }
  if (file.room !== 'extender' || composes(file)) return undefined;
  if (room === 'sim') {
    return `imports ${target}; of extender, only the composition root and the CLI name the simulator`;
  }
  if (target.startsWith('extender/adapters/') && !file.path.startsWith('extender/adapters/')) {
    return `imports ${target}; adapters are named by the composition root and the CLI, others know the ports`;
  }
  if (target.startsWith('extender/cli/')) return `imports ${target}; nothing stands above the CLI`;
  return undefined;
}

function brokenOutside(file: SourceFile, { specifier }: Import): string | undefined {
  if (file.room !== 'core') return undefined;
  if (specifier.startsWith('node:')) return `core imports ${specifier}; it is pure`;
  const isAllowed = corePackages.some(
    (name) => specifier === name || specifier.startsWith(`${name}/`),
  );
  return isAllowed
    ? undefined
    : `core imports ${specifier}; of packages it may use ${corePackages.join(', ')}`;
}
