#!/usr/bin/env node
// Compiles src/ and writes artifacts/<Contract>.json (ABI, creation bytecode, compiler, settings, hash of the sources),
// for the contracts below and for every library that they are linked to.
// With --check nothing is written; exits 1 when a checked-in artifact differs from what the sources give.
import {existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from "node:fs";
import {join, relative} from "node:path";
import {compile, compiler, ownSources, root, settings, sourceHash} from "./compiling.mjs";

const CONTRACTS = [
  "AccuracyVerifier", "CommitteeRegistry", "DataCampaigns", "ImprovementPay", "Jury", "Market", "ModelBounties",
  "ModelRegistry", "ModelSales", "ModelVersions", "PerceptronFactory", "PerceptronModel", "ReferenceVerifier",
  "RollupVerifier", "RoundingVerifier", "VerifierFactory",
];
// EIP-170 and EIP-3860: larger code cannot be deployed.
const MAX_CODE_BYTES = 24_576;
const MAX_CREATION_BYTES = 49_152;
// The gradient market's contracts stand in src/; those that call it, which it does not call, in folders.
const FOLDERS = ["src/models/", "src/data/"];
const OUTPUTS = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences", "evm.deployedBytecode.object"];

// Errors of libraries reach callers through the contracts that use them, so clients need them in those ABIs. The compiler
// puts those of internal functions there; of packages nothing else is called. What stands in a folder calls what stands
// outside of it, not the other way round.
function withLibraryErrors(file, abi, compiled) {
  const others = FOLDERS.filter((folder) => !file.startsWith(folder));
  const known = new Set(abi.filter((e) => e.type === "error").map((e) => e.name));
  const extra = Object.entries(compiled)
    .filter(([name]) => name.startsWith("src/") && !others.some((folder) => name.startsWith(folder)))
    .flatMap(([, file]) => Object.values(file).flatMap((contract) => contract.abi))
    .filter((e) => e.type === "error" && !known.has(e.name) && known.add(e.name));
  return [...abi, ...extra.sort((a, b) => a.name.localeCompare(b.name))];
}

// Adds [file, name] of every library that a contract is linked to, directly or through another library, by its name.
function librariesOf(compiled, [file, name], found) {
  for (const [from, libraries] of Object.entries(compiled[file][name].evm.bytecode.linkReferences)) {
    for (const library of Object.keys(libraries)) {
      if (found.has(library) && found.get(library)[0] !== from) throw new Error(`two libraries are called ${library}`);
      if (found.has(library)) continue;
      found.set(library, [from, library]);
      librariesOf(compiled, [from, library], found);
    }
  }
}

// Name of a library -> where in the creation code its address goes, in bytes.
function links({evm}) {
  const libraries = Object.values(evm.bytecode.linkReferences).flatMap((file) => Object.entries(file));
  return Object.fromEntries(libraries.sort().map(([name, places]) => [name, places.map(({start}) => start)]));
}

function requireDeployable(name, {evm}) {
  const [size, creation] = [evm.deployedBytecode.object.length / 2, evm.bytecode.object.length / 2];
  if (size > MAX_CODE_BYTES) throw new Error(`${name} has ${size} bytes of code, more than ${MAX_CODE_BYTES}`);
  if (creation > MAX_CREATION_BYTES) throw new Error(`${name} is created by ${creation} bytes: EIP-3860 allows fewer`);
  return size;
}

// Contracts stand in src/ or in a folder there, each name once.
function sourceOf(own, name) {
  const [file, ...others] = ["src/", ...FOLDERS].map((folder) => `${folder}${name}.sol`).filter((path) => path in own);
  if (!file || others.length) throw new Error(`${name} has ${others.length ? "two sources" : "no source"}`);
  return file;
}

function artifacts() {
  const own = ownSources();
  const {contracts: compiled} = compile(own, settings, OUTPUTS);
  const roots = CONTRACTS.map((name) => [sourceOf(own, name), name]);
  const libraries = new Map();
  for (const each of roots) librariesOf(compiled, each, libraries);
  return [...roots, ...libraries.values()].map(([file, name]) => {
    const contract = compiled[file][name];
    const size = requireDeployable(name, contract);
    const artifact = {
      contractName: name,
      compiler,
      settings,
      sourceHash: sourceHash(own),
      abi: withLibraryErrors(file, contract.abi, compiled),
      links: links(contract),
      bytecode: `0x${contract.evm.bytecode.object}`,
    };
    return {name, size, text: `${JSON.stringify(artifact, null, 1)}\n`};
  });
}

function main(check) {
  const folder = join(root, "artifacts");
  mkdirSync(folder, {recursive: true});
  const stale = new Set(readdirSync(folder).filter((entry) => entry.endsWith(".json")));
  for (const {name, size, text} of artifacts()) {
    const path = join(folder, `${name}.json`);
    stale.delete(`${name}.json`);
    if (!check) {
      writeFileSync(path, text);
      console.log(`${name}: ${size} bytes of code`);
    } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
      console.error(`${relative(root, path)} does not match the sources: run "npm run build" and commit the result`);
      process.exitCode = 1;
    }
  }
  for (const entry of stale) {
    if (!check) {
      rmSync(join(folder, entry));
    } else {
      console.error(`artifacts/${entry} belongs to no contract: run "npm run build" and commit the result`);
      process.exitCode = 1;
    }
  }
}

main(process.argv.includes("--check"));
