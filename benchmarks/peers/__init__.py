"""Other provers on the same statements: circom with snarkjs, ark-groth16. `python -m benchmarks.peers --help`."""
