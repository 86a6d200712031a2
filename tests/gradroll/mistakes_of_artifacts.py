"""Mistakes with files that are kept by what is in them."""

from __future__ import annotations

from tests.gradroll.mistaken_files import SECRET
from tests.gradroll.mistakes import USAGE, Mistake

EVERYBODY = "Everybody: artifacts"
_CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
ARTIFACTS_MISTAKES = (
    Mistake(EVERYBODY, "no store", "artifact put model.npy", "config", "artifacts.store is missing: ",
            "put it under [artifacts] in the file given by --config, set GRADROLL_ARTIFACTS_STORE, or pass --store"),
    Mistake(EVERYBODY, "a password in a store's address", f"artifact put model.npy --store https://me:{SECRET}@host",
            "config", "artifacts.store (from the command line) must be a directory, … which would end up in logs and "
            "lists of processes; ", "for a node or a gateway write a token into the file artifacts.token_file, for S3 "
            "use the environment or ~/.aws"),
    Mistake(EVERYBODY, "a file that is not there", "artifact put absent --store kept", "unknown",
            "there is no file absent; ", "correct the path"),
    Mistake(EVERYBODY, "an identifier of version 0",
            "artifact get QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn --out copy --store kept", USAGE,
            "gradroll artifact get: error: argument CID: this is no content identifier of version 1 in base32, … ",
            "`ipfs cid format -v 1 -b base32` rewrites others"),
    Mistake(EVERYBODY, "a block that a store has not", f"artifact get {_CID} --out copy --store kept", "unknown",
            f"the store …kept has no block {_CID}; ", "name a store that has it"),
    Mistake(EVERYBODY, "another file than was named", f"artifact verify {_CID} --file model.npy", "proof-invalid",
            f"model.npy is bafkrei…, not {_CID}; ", "get it again"),
    Mistake(EVERYBODY, "a schema that is none", "data schema check model.npy", "invalid-input",
            "a schema is JSON in UTF-8, and these bytes are not; ", "save it again as JSON"),
    Mistake(EVERYBODY, "a bundle that is none", "data bundle show model.npy", "invalid-input",
            "the file is no bundle of samples; ", "make one with `gradroll data bundle make`"),
    Mistake(EVERYBODY, "an arbiter that errs too often", "data terms --reward 1 --error 0.4", "invalid-input",
            "no fee is large enough for an arbiter that errs in 0.4 of all cases; ", "choose one that errs less"),
)  # fmt: skip
