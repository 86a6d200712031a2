#!/usr/bin/env node
// Writes the compiler's standard JSON input of this release, as block explorers take it to verify deployed contracts:
// all sources, those of packages included, and the settings.
//   npm run standard-json -- [--out FILE] [--library Name=0x... ...]
// Libraries are named for explorers that do not find their addresses in the code (Etherscan). Before anything is written,
// the input is compiled on its own, and must give the checked-in artifacts.
import {mkdirSync, readFileSync, readdirSync, writeFileSync} from "node:fs";
import {dirname, join, resolve} from "node:path";
import {parseArgs} from "node:util";
import {compile, compiler, ownSources, root, settings, standardInput} from "./compiling.mjs";

const OUTPUTS = ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"];

function requireArtifacts(compiled) {
  const made = Object.assign({}, ...Object.values(compiled));
  for (const entry of readdirSync(join(root, "artifacts"))) {
    const {contractName, bytecode} = JSON.parse(readFileSync(join(root, "artifacts", entry), "utf8"));
    if (`0x${made[contractName]?.evm.bytecode.object}` !== bytecode) {
      throw new Error(`artifacts/${entry} does not match the sources: run "npm run build", or check out the release`);
    }
  }
}

// {file: {name: address}}, as the compiler takes it.
function librariesFrom(given, compiled) {
  const libraries = {};
  for (const each of given) {
    const [, name, address] = /^(\w+)=(0x[0-9a-fA-F]{40})$/.exec(each) ?? [];
    const file = Object.keys(compiled).find((key) => key.startsWith("src/") && compiled[key][name]);
    if (!file) throw new Error(`--library ${each}: give Name=0x... with the name of a library and 40 hexadecimal digits`);
    libraries[file] = {...libraries[file], [name]: address};
  }
  return libraries;
}

function main({out, library}) {
  const {sources} = compile(ownSources(), settings, OUTPUTS);
  const {contracts: compiled} = compile(sources, settings, OUTPUTS);
  requireArtifacts(compiled);
  const libraries = librariesFrom(library, compiled);
  const path = resolve(out);
  mkdirSync(dirname(path), {recursive: true});
  const input = standardInput(sources, Object.keys(libraries).length ? {...settings, libraries} : settings, OUTPUTS);
  writeFileSync(path, `${JSON.stringify(input, null, 1)}\n`);
  console.log(`${path}: ${Object.keys(sources).length} sources, for compiler ${compiler}`);
}

try {
  const options = {
    out: {type: "string", default: join(root, "out", "standard-json", "gradroll.json")},
    library: {type: "string", multiple: true, default: []},
  };
  main(parseArgs({options}).values);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
