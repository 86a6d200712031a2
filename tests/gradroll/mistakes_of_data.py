"""Mistakes of owners of campaigns, contributors, reviewers and jurors."""

from __future__ import annotations

from tests.gradroll.mistakes import USAGE, Mistake

DATA = "Data market"
_WORD = "0x" + "3f" * 32
DATA_MISTAKES = (
    Mistake(DATA, "no contract named", f"data status {_WORD} --config chain.toml", "config",
            "data.campaigns is missing: ",
            "put it under [data] in the file given by --config, or set GRADROLL_DATA_CAMPAIGNS"),
    Mistake(DATA, "a campaign that is cut off", "data settle 0x3fa9 --config chain.toml", USAGE,
            "gradroll data settle: error: argument CAMPAIGN: '0x3fa9' is no identifier: ",
            "write 0x and its 64 digits, or at least the first 6 of them"),
    Mistake(DATA, "a bundle that is not there", f"data commit {_WORD} nothing.bundle --config chain.toml", "unknown",
            "there is no file nothing.bundle for a bundle; ", "correct the path"),
    Mistake(DATA, "two grounds at once", "data challenge 17 3 --schema --copy-of 0 0 --config chain.toml", USAGE,
            "gradroll data challenge: error: argument --copy-of: ", "not allowed with argument --schema"),
    Mistake(DATA, "receipts that are none", "data attest 17 --receipts numbers.txt --config chain.toml",
            "invalid-input", "numbers.txt is no list of receipts; ", "see gradroll data attest --help"),
    Mistake(DATA, "a verdict that is none", "data vote 5 maybe --config chain.toml", USAGE,
            "gradroll data vote: error: argument verdict: ", "invalid choice: 'maybe' (choose from …)"),
    Mistake(DATA, "jurors who leave at once", "chain deploy-data --account operator.json --notice 60 --out data.toml "
            "--config chain.toml", USAGE, "gradroll chain deploy-data: error: argument --notice: '60' ",
            "is no whole number from 7200 to 2592000"),
    Mistake(DATA, "a width that weights do not have", f"data model make {_WORD} --bits 8 --config chain.toml", USAGE,
            "gradroll data model make: error: argument --bits: ", "invalid choice: 8 (choose from …)"),
    Mistake(DATA, "salts of tests that are none", f"data model reveal {_WORD} 0 --tests chain.toml --config chain.toml",
            "bad-key-file", "chain.toml: not a readable key file; ", "put a copy of it back, …"),
    Mistake(DATA, "a group without its file", f"data improve table {_WORD} --tests first.bundle --out table.json "
            "--config chain.toml", USAGE, "gradroll data improve table: error: argument --tests: 'first.bundle' is no "
            "group with its file: ", "write 0=first.bundle"),
    Mistake(DATA, "a table that is none", f"data improve claim {_WORD} --table numbers.txt --config chain.toml",
            "invalid-input", "numbers.txt: …; ", "compute it again (gradroll data improve table)"),
    Mistake(DATA, "a vote that is none", "data improve submit numbers.txt --config chain.toml", "invalid-input",
            "numbers.txt is no vote of this release; ", "have it signed again"),
    Mistake(DATA, "a version without a model", f"data version register --rule {_WORD} --config chain.toml",
            "invalid-input", "name the model's file, ", "or the listing of a committed one, and not both"),
)  # fmt: skip
