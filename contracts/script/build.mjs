#!/usr/bin/env node
// Compiles src/ and writes artifacts/<Contract>.json (ABI, creation bytecode, compiler, settings, hash of the sources).
// With --check nothing is written; exits 1 when a checked-in artifact differs from what the sources give.
import {createHash} from "node:crypto";
import {readFileSync, readdirSync, writeFileSync, mkdirSync, existsSync} from "node:fs";
import {createRequire} from "node:module";
import {dirname, join, relative} from "node:path";
import {fileURLToPath} from "node:url";

const solc = createRequire(import.meta.url)("solc");
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const CONTRACTS = ["CommitteeRegistry", "Market", "RollupVerifier"];
// EIP-170: larger code cannot be deployed.
const MAX_CODE_BYTES = 24576;

function sources() {
  const found = {};
  for (const entry of readdirSync(join(root, "src"), {recursive: true}).sort()) {
    if (entry.endsWith(".sol")) {
      const path = relative(root, join(root, "src", entry)).split("\\").join("/");
      found[path] = readFileSync(join(root, path), "utf8");
    }
  }
  return found;
}

// sha256 over "path NUL content NUL" in path order; contracts/__init__.py computes the same without Node.
function hashOf(files) {
  const hash = createHash("sha256");
  for (const path of Object.keys(files).sort()) hash.update(`${path}\0${files[path]}\0`);
  return hash.digest("hex");
}

function compile(files, settings) {
  const input = {
    language: "Solidity",
    sources: Object.fromEntries(Object.entries(files).map(([path, content]) => [path, {content}])),
    settings: {
      ...settings,
      outputSelection: {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter((e) => e.severity === "error");
  if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join("\n"));
  return output.contracts;
}

// Errors of libraries reach callers through the contracts that use them, so clients need them in those ABIs.
function withLibraryErrors(abi, compiled) {
  const known = new Set(abi.filter((e) => e.type === "error").map((e) => e.name));
  const extra = Object.values(compiled)
    .flatMap((file) => Object.values(file).flatMap((contract) => contract.abi))
    .filter((e) => e.type === "error" && !known.has(e.name) && known.add(e.name));
  return [...abi, ...extra.sort((a, b) => a.name.localeCompare(b.name))];
}

function artifacts() {
  const files = sources();
  const settings = JSON.parse(readFileSync(join(root, "script", "settings.json"), "utf8"));
  const compiled = compile(files, settings);
  return CONTRACTS.map((name) => {
    const {abi, evm} = compiled[`src/${name}.sol`][name];
    const size = evm.deployedBytecode.object.length / 2;
    if (size > MAX_CODE_BYTES) throw new Error(`${name} has ${size} bytes of code, more than ${MAX_CODE_BYTES}`);
    const artifact = {
      contractName: name,
      compiler: solc.version(),
      settings,
      sourceHash: hashOf(files),
      abi: withLibraryErrors(abi, compiled),
      bytecode: `0x${evm.bytecode.object}`,
    };
    return {path: join(root, "artifacts", `${name}.json`), name, size, text: `${JSON.stringify(artifact, null, 1)}\n`};
  });
}

const check = process.argv.includes("--check");
mkdirSync(join(root, "artifacts"), {recursive: true});
for (const {path, name, size, text} of artifacts()) {
  if (!check) {
    writeFileSync(path, text);
    console.log(`${name}: ${size} bytes of code`);
  } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
    console.error(`${relative(root, path)} does not match the sources: run "npm run build" and commit the result`);
    process.exitCode = 1;
  }
}
