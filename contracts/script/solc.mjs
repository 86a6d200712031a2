#!/usr/bin/env node
// The npm compiler behind the command line that forge expects of a solc binary: `--version` and `--standard-json`.
// Other options (paths that forge allows, ...) have no meaning here, because forge hands over every source in the JSON.
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";

const solc = createRequire(import.meta.url)("solc");

if (process.argv.includes("--version")) {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}\n`);
} else if (process.argv.includes("--standard-json")) {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
} else {
  process.stderr.write("usage: solc.mjs --version | --standard-json < input.json\n");
  process.exitCode = 1;
}
