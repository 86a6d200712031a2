#!/usr/bin/env node
// forge with its exit status: the `forge` command that npm installs (1.7.1) starts the program and exits with 0
// whatever it says, so that failing tests would pass. This starts the program itself.
import {spawnSync} from "node:child_process";
import {createRequire} from "node:module";
import {dirname} from "node:path";
import {fileURLToPath} from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function program() {
  const arch = {x64: "amd64", arm64: "arm64"}[process.arch];
  const suffix = process.platform === "win32" ? ".exe" : "";
  const require = createRequire(import.meta.url);
  return require.resolve(`@foundry-rs/forge-${process.platform}-${arch}/bin/forge${suffix}`);
}

export function forge(args, options = {}) {
  const done = spawnSync(program(), args, {cwd: root, stdio: "inherit", ...options});
  if (done.error) throw done.error;
  return {...done, passed: done.status === 0};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = forge(process.argv.slice(2)).status ?? 1;
}
