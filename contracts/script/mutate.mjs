#!/usr/bin/env node
// Would the tests notice? Applies the mutations of mutants.json one at a time to a temporary copy and runs forge's
// tests: a line for each mutant with the test that killed it. Exits 1 when one survives, does not compile, or when its
// text is not in the source exactly once. Snapshots of gas and size are left out: any change would fail them.
//   npm run mutate
//   npm run mutate -- --only claim-not-marked
//   npm run mutate -- --sample 5 --seed 7      five of them, the same for the same seed
import {createHash} from "node:crypto";
import {cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {forge} from "./forge.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const COPIED = ["src", "test", "script", "snapshots", "foundry.toml"];
// With what is compiled already, only the mutated contracts are compiled anew.
const COPIED_IF_THERE = ["out", "cache"];
const EXCLUDED = "(Gas|Size)Test$";

function chosen(mutants, {only, sample, seed}) {
  if (only !== undefined) {
    const found = mutants.filter((mutant) => mutant.name === only);
    if (!found.length) throw new Error(`no mutant is called ${only}`);
    return found;
  }
  if (sample === undefined) return mutants;
  if (!/^[1-9][0-9]*$/.test(sample)) throw new Error("--sample takes a number");
  const rank = ({name}) => createHash("sha256").update(`${seed} ${name}`).digest("hex");
  const drawn = new Set(mutants.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, Number(sample)));
  return mutants.filter((mutant) => drawn.has(mutant));
}

// The copy has the place of contracts/ in a repository, because the tests read ../tests/vectors.
function copy() {
  const base = mkdtempSync(join(tmpdir(), "gradroll-mutants-"));
  const at = join(base, "contracts");
  mkdirSync(at);
  for (const name of COPIED) cpSync(join(root, name), join(at, name), {recursive: true});
  for (const name of COPIED_IF_THERE) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(at, name), {recursive: true});
  }
  rmSync(join(at, "cache", "fuzz"), {recursive: true, force: true}); // failures of other runs
  rmSync(join(at, "cache", "invariant"), {recursive: true, force: true});
  cpSync(join(dirname(root), "tests", "vectors"), join(base, "tests", "vectors"), {recursive: true});
  symlinkSync(join(root, "node_modules"), join(at, "node_modules"));
  return {base, at};
}

function run(at) {
  const args = ["test", "--fail-fast", "--no-match-contract", EXCLUDED];
  const {FOUNDRY_PROFILE, ...env} = process.env; // the default profile, whichever one runs this
  const {passed, stdout, stderr} = forge(args, {cwd: at, env, encoding: "utf8", stdio: "pipe"});
  return {passed, output: stdout + stderr};
}

// The end of forge's output: "Encountered 1 failing test in test/Market.t.sol:MarketTest", then for each of them
// "[FAIL: reason] test_claim_everyOwnerOnce() (gas: 1)"; before an invariant's name there are lines of calls.
function killers(output) {
  return output.split(/^Encountered \d+ failing tests? in /m).slice(1).map((section) => {
    const file = section.split(":")[0];
    const test = /^.*?(\w+)\([^()]*\) \((?:gas|runs): /m.exec(section);
    return test ? `${file} ${test[1]}` : file;
  });
}

function verdict(at, {file, text, replacement}) {
  const path = join(at, file);
  const source = readFileSync(path, "utf8");
  const count = source.split(text).length - 1;
  if (count !== 1) return {killed: false, what: `STALE: its text occurs ${count} times in ${file}`};
  writeFileSync(path, source.replace(text, () => replacement));
  try {
    const {passed, output} = run(at);
    if (passed) return {killed: false, what: "SURVIVED"};
    const by = killers(output);
    return by.length ? {killed: true, what: by.join(", ")} : {killed: false, what: `BROKEN\n${output}`};
  } finally {
    writeFileSync(path, source);
  }
}

function main() {
  const {values} = parseArgs({
    options: {only: {type: "string"}, sample: {type: "string"}, seed: {type: "string", default: "0"}},
  });
  const mutants = chosen(JSON.parse(readFileSync(join(root, "script", "mutants.json"), "utf8")), values);
  const {base, at} = copy();
  const begun = Date.now();
  const bad = [];
  try {
    const sound = run(at);
    if (!sound.passed) throw new Error(`the tests fail without any mutation:\n${sound.output}`);
    for (const mutant of mutants) {
      const start = Date.now();
      const {killed, what} = verdict(at, mutant);
      if (!killed) bad.push(mutant);
      console.log(`${mutant.name}: ${what} (${Math.round((Date.now() - start) / 1000)} s)`);
    }
  } finally {
    rmSync(base, {recursive: true, force: true});
  }
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  console.log(`${mutants.length - bad.length} of ${mutants.length} mutants killed in ${minutes} minutes`);
  for (const {name, guards} of bad) console.error(`${name} is about: ${guards}`);
  return bad.length ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
