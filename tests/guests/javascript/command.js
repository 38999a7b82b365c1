// A command whose arguments select what it does.

import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.12';
import { getStdin } from 'wasi:cli/stdin@0.2.12';
import { getDirectories } from 'wasi:filesystem/preopens@0.2.12';
import { subscribeDuration } from 'wasi:clocks/monotonic-clock@0.2.12';

const inUtf8 = (bytes) => new TextDecoder().decode(bytes);

function readInput() {
  const bytes = [];
  const input = getStdin();
  try {
    for (;;) bytes.push(...input.blockingRead(65536n));
  } catch (error) {
    if (error.payload?.tag !== 'closed') throw error;
  }
  return inUtf8(new Uint8Array(bytes));
}

// Returns the shared directory that contains a path, and the path inside it.
function find(path) {
  for (const [descriptor, name] of getDirectories()) {
    if (path.startsWith(`${name}/`)) return [descriptor, path.slice(name.length + 1)];
  }
  throw new Error(`${path} is not in a shared directory`);
}

function readFile(path) {
  const [directory, rest] = find(path);
  const file = directory.openAt({ symlinkFollow: true }, rest, {}, { read: true });
  return inUtf8(file.read(65536n, 0n)[0]);
}

function writeFile(path, text) {
  const [directory, rest] = find(path);
  const file = directory.openAt({}, rest, { create: true, truncate: true }, { write: true });
  file.write(new TextEncoder().encode(text), 0n);
}

const verbs = {
  environment: () => getEnvironment().sort().map(([name, value]) => `${name}=${value}`).join('\n'),
  input: () => readInput().trimEnd().toUpperCase(),
  read: (path) => readFile(path).trimEnd(),
  write: (path, text) => writeFile(path, text),
  sleep: (seconds) => subscribeDuration(BigInt(Number(seconds) * 1e9)).block(),
  spin: () => { for (;;); },
};

export const run = {
  run() {
    const [verb, ...words] = getArguments().slice(1);
    let text;
    try {
      text = verbs[verb](...words);
    } catch {
      throw undefined;  // The only error of a command.
    }
    if (text) console.log(text);
  },
};
