"""Mistakes of sellers, buyers and owners of bounties."""

from __future__ import annotations

from tests.gradroll.mistakes import USAGE, Mistake

MODELS = "Model market"
_WORD = "0x" + "3f" * 32
MODEL_MISTAKES = (
    Mistake(MODELS, "no contracts named", "model listings --config chain.toml", "config",
            "models.registry is missing: ",
            "put it under [models] in the file given by --config, or set GRADROLL_MODELS_REGISTRY"),
    Mistake(MODELS, "an identifier that is cut off", "model show 0x3fa9 --config chain.toml", USAGE,
            "gradroll model show: error: argument LISTING: '0x3fa9' is no identifier: ",
            "write 0x and its 64 digits, or at least the first 6 of them"),
    Mistake(MODELS, "an offer that is no content identifier", f"bounty data {_WORD} --from Qm --out d "
            "--config chain.toml", USAGE, "gradroll bounty data: error: argument --from: this is no content "
            "identifier of version 1 in base32, such as bafkrei... or bafybei... of 59 letters; ",
            "`ipfs cid format -v 1 -b base32` rewrites others"),
    Mistake(MODELS, "a manifest and a list of files", f"dataset register --class small --data a --publish --manifest "
            f"{_WORD} --config chain.toml", USAGE, "gradroll dataset register: error: argument --manifest: ",
            "not allowed with argument --publish"),
    Mistake(MODELS, "a size class that is none", "model commit model.npy --class tiny --config chain.toml",
            "invalid-input", "no size class is called 'tiny'; ", "choose one of small, medium, large"),
    Mistake(MODELS, "a model file that is not there", "model commit nothing --class small --config chain.toml",
            "unknown", "there is no model nothing; ", "correct the path"),
    Mistake(MODELS, "a request that is none", "model offer numbers.txt --out offer --config chain.toml",
            "invalid-input", "numbers.txt is no request for an offer of this release; ",
            "get the file again from whoever wrote it"),
    Mistake(MODELS, "an offer that is not there", "model buy nothing.json --config chain.toml", "unknown",
            "there is no offer of a model nothing.json; ", "correct the path"),
    Mistake(MODELS, "a bounty for nothing", f"bounty open --class small --data a --verifier {'0x' + '11' * 20} "
            "--committee 0x3fa90000000000a1 --prize 0 --bond 1 --compensation 1 --threshold 1 --config chain.toml",
            USAGE, "gradroll bounty open: error: argument --prize: '0' is no amount: ",
            "a whole number of the smallest unit (wei) from 1 to 2^128 - 1, or such as …"),
    Mistake(MODELS, "files without their class", f"dataset show {_WORD} --data a --config chain.toml",
            "invalid-input", "files are committed to for a size class: ", "name it with --class"),
    Mistake(MODELS, "keys of nothing", "setup model-keys --class small --out keys --config chain.toml",
            "invalid-input", "name a reference string with --srs, or take seeded keys with --cached; ", "one of them"),
)  # fmt: skip
