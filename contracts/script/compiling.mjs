// What build.mjs and standard-json.mjs share: which sources there are, and what the compiler makes of them.
import {createHash} from "node:crypto";
import {readFileSync, readdirSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const solc = createRequire(import.meta.url)("solc");
export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const compiler = solc.version();
export const settings = JSON.parse(readFileSync(join(root, "script", "settings.json"), "utf8"));

// Sources are named by their path below contracts/, with slashes: names enter the metadata, so the code.
export function ownSources() {
  const names = readdirSync(join(root, "src"), {recursive: true}).map((entry) => `src/${entry.replaceAll("\\", "/")}`);
  return Object.fromEntries(
    names.filter((name) => name.endsWith(".sol")).sort().map((name) => [name, readFileSync(join(root, name), "utf8")]),
  );
}

// The packages that imports lead to (`remappings`), each with its hash in the lock file: npm installs nothing else.
function packages() {
  const locked = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const targets = settings.remappings.map((remapping) => remapping.split("=")[1]);
  return Object.entries(locked)
    .filter(([name]) => name && targets.some((target) => target.startsWith(`${name}/`)))
    .map(([name, {integrity}]) => [name, integrity]);
}

// sha256 over "name NUL content NUL" of the own sources in order of their names, then "name NUL integrity NUL" of the
// packages; contracts/__init__.py computes the same without Node.
export function sourceHash(own) {
  const hash = createHash("sha256");
  const byName = ([left], [right]) => (left < right ? -1 : 1);
  for (const [name, content] of [...Object.entries(own).sort(byName), ...packages().sort(byName)]) {
    hash.update(`${name}\0${content}\0`);
  }
  return hash.digest("hex");
}

// Compiles sources as they are given, with what they import from packages. Gives the compiler's output and all sources.
export function compile(own, options, outputs) {
  const sources = {...own};
  const read = (name) => {
    try {
      sources[name] = readFileSync(join(root, name), "utf8");
      return {contents: sources[name]};
    } catch (error) {
      return {error: error.message};
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(standardInput(own, options, outputs)), {import: read}));
  const errors = (output.errors ?? []).filter((e) => e.severity === "error");
  if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
  return {contracts: output.contracts, sources};
}

export function standardInput(sources, options, outputs) {
  return {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(sources).sort().map(([name, content]) => [name, {content}])),
    settings: {...options, outputSelection: {"*": {"*": outputs}}},
  };
}
