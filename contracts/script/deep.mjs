#!/usr/bin/env node
// Runs the fuzz tests and invariants with the profile `deep` on inputs of chance, and says with which seed.
//   npm run test:deep                      new inputs every time
//   npm run test:deep -- --seed 0x...      those of an earlier run (of invariants, much the same calls)
// What follows is handed to forge, for instance `--match-path test/Escrow.invariant.t.sol`.
import {randomBytes} from "node:crypto";
import {forge} from "./forge.mjs";

const rest = process.argv.slice(2);
const given = rest.indexOf("--seed");
const seed = given < 0 ? `0x${randomBytes(16).toString("hex")}` : rest.splice(given, 2)[1];
if (!/^0x[0-9a-f]{1,64}$/i.test(seed ?? "")) {
  console.error("--seed takes a number in hexadecimal, beginning with 0x");
  process.exit(2);
}
console.log(`seed ${seed}`);
const {passed} = forge(["test", "--match-test", "^(testFuzz|invariant)_", "--fuzz-seed", seed, ...rest], {
  env: {...process.env, FOUNDRY_PROFILE: "deep"},
});
if (!passed) console.error(`\nthe same fuzz tests again: npm run test:deep -- --seed ${seed}`);
process.exitCode = passed ? 0 : 1;
