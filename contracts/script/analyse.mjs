#!/usr/bin/env node
// The static analyser (slither) over the contracts, without their tests and packages; fails on every finding that is left.
//   node script/analyse.mjs [path of slither]
// A finding that is none is silenced where it stands, with its reason; only what fits no contract here is left out below.
import {spawnSync} from "node:child_process";
import {rmSync} from "node:fs";
import {delimiter, join} from "node:path";
import {root} from "./compiling.mjs";
import {forge} from "./forge.mjs";

const LEFT_OUT = [
  "calls-loop", // a registry that never changes is asked for each prover that is paid
  "timestamp", // deadlines are hours long
  "uninitialized-local", // variables begin as zero by the language's rule, and sums start there
  "unused-return", // it means values of tuples, which are left out by name; transfers have a detector of their own
];

const output = join(root, "out", "analysis");

function compiled() {
  rmSync(output, {recursive: true, force: true}); // every description of a build in it is read, old ones too
  const folders = ["--out", output, "--cache-path", join(output, "cache")];
  return forge(["build", "--build-info", "--skip", "test", "--quiet", ...folders]).passed;
}

function analysed(slither) {
  const args = [
    ".", "--ignore-compile", "--foundry-ignore-compile", "--foundry-out-directory", output,
    "--filter-paths", "node_modules|test/", "--exclude-informational", "--exclude-optimization", "--exclude", LEFT_OUT.join(","),
    "--fail-low", "--disable-color",
  ];
  const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const done = spawnSync(slither, args, {cwd: root, stdio: "inherit", env: {...process.env, PATH: path}});
  if (done.error) throw done.error;
  return done.status;
}

process.exitCode = compiled() ? analysed(process.argv[2] ?? "slither") : 1;
