"""`gradroll data schema | bundle | terms`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from circuits.hashing import keccak
from commons.artifacts.bundlefiles import load_bundle, save_bundle
from commons.artifacts.transfers import cid_of_file
from commons.samples.samplebundles import SampleBundle
from commons.samples.sampleschemas import SampleSchema
from gradroll.cli import main
from tests.samples.documents import ARRAY, FLOWER, TABLE, TEXT, changed, encoded

MAKE = ("bundle", "make", "--schema", "schema", "--records", "records")
VERIFY = ("bundle", "verify", "bundle", "--schema", "schema")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema").write_bytes(encoded(TABLE))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit status, what was written, and what was told."""
    status = main(["data", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What programs are told of a command that succeeds."""
    status, out, err = run(capsys, *words, "--json")
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def records(*petals: int, path: str = "records") -> None:
    """A file of flowers."""
    Path(path).write_text("".join(json.dumps({**FLOWER, "petals": each}) + "\n" for each in petals))


def test_a_schema_is_checked_with_its_records(capsys: pytest.CaptureFixture[str]) -> None:
    records(1, 2)
    found = ran(capsys, "schema", "check", "schema", "--records", "records")
    schema = SampleSchema.array(3, [75, 303, 1], 3, 2, tau=2)
    assert found["schema"] == "0x" + schema.digest.hex()
    assert (found["records"], found["columns"]) == (2, ["petal length", "petals", "wild"])
    records(1, 301)
    status, _, err = run(capsys, "schema", "check", "schema", "--records", "records")
    assert status == 3
    assert "line 2 of records: a record does not fit the schema: $.petals: 301 is greater than the maximum" in err


def test_names_in_a_schema_do_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schema").write_bytes(encoded(TABLE).replace(b"wild", b"\\u001b[2Jwild"))
    assert run(capsys, "schema", "check", "schema")[:2][0] == 0
    records(1)
    for words in (("schema", "check", "schema"), ("schema", "check", "schema", "--records", "records")):
        _, out, err = run(capsys, *words)
        assert "\x1b" not in out + err


def test_a_bundle_is_made_verified_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    records(10, 20, 30)
    made = ran(capsys, *MAKE, "--out", "bundle")
    bundle = load_bundle(Path("bundle"))
    assert made["root"] == "0x" + bundle.tree().root.hex()
    assert made["content"] == "0x" + bundle.content_digest.hex()
    assert made["cid"] == str(cid_of_file(Path("bundle")).root)
    assert ran(capsys, *VERIFY)["root"] == made["root"]
    shown = ran(capsys, "bundle", "show", "bundle", "--schema", "schema", "--first", "2")
    assert [record["petals"] for record in shown["records"]] == ["10", "20"]
    assert shown["labels"] == {"2": 3}
    places = ("--sample", "2", "--sample", "0")
    shown = ran(capsys, "bundle", "show", "bundle", "--schema", "schema", *places)
    assert [record["petals"] for record in shown["records"]] == ["30", "10"]
    status, _, err = run(capsys, "bundle", "show", "bundle", "--schema", "schema", "--sample", "3")
    assert (status, "bundle has 3 samples; count from 0" in err) == (3, True)
    assert ran(capsys, "bundle", "show", "bundle")["records"] == []


def test_nothing_is_replaced_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    records(10)
    Path("bundle").write_text("mine")
    assert run(capsys, *MAKE, "--out", "bundle")[0] == 6
    assert Path("bundle").read_text() == "mine"
    assert ran(capsys, *MAKE, "--out", "bundle", "--force")["count"] == 1


def test_copies_are_refused_or_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    records(50, path="first")
    ran(capsys, "bundle", "make", "--schema", "schema", "--records", "first", "--out", "earlier")
    records(10, 52, 12, 13, 99)
    status, _, err = run(capsys, *MAKE, "--out", "bundle", "--against", "earlier")
    assert status == 3
    assert "sample 1 is at distance 2 of one of an earlier bundle" in err
    assert "sample 2 is at distance 2 of sample 0" in err
    assert not Path("bundle").exists()
    made = ran(capsys, *MAKE, "--out", "bundle", "--against", "earlier", "--drop-copies")
    assert (made["count"], made["dropped"]) == (2, 3)
    assert ran(capsys, *VERIFY, "--against", "earlier")["count"] == 2
    records(10, 50)
    ran(capsys, *MAKE, "--out", "bundle", "--force")
    assert ran(capsys, *VERIFY)["count"] == 2
    status, _, err = run(capsys, *VERIFY, "--against", "earlier")
    assert status == 7
    assert "sample 1 is at distance 0 of one of an earlier bundle" in err


def test_a_bundle_that_does_not_fit_is_told_and_still_shown(capsys: pytest.CaptureFixture[str]) -> None:
    schema = SampleSchema.array(3, [75, 303, 1], 3, 2, tau=2)
    save_bundle(Path("bundle"), SampleBundle(schema.digest, (b"\0\1\0\0\0\0\0\1", b"\0\1\0\0\0\0\0\2")))
    status, _, err = run(capsys, *VERIFY)
    assert status == 7
    assert "sample 1 does not fit the schema: feature 2 is 0 to 1, not 2" in err
    assert "does not fit" in str(ran(capsys, "bundle", "show", "bundle", "--schema", "schema")["records"][1])


def test_a_text_that_the_contract_takes_does_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schema").write_bytes(encoded(TEXT))
    save_bundle(Path("bundle"), SampleBundle(SampleSchema.text(2, 3, 30).digest, ("\0\1a\x9b2Jb".encode(),)))
    _, out, _ = run(capsys, "bundle", "show", "bundle", "--schema", "schema")
    assert "\x9b" not in out
    status, _, err = run(capsys, *VERIFY)
    assert status == 7
    assert "no control characters" in err


def test_bundles_of_another_schema_and_other_files_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    records(1)
    save_bundle(Path("bundle"), SampleBundle(keccak(b"another"), (b"\0\1",)))
    for words in (VERIFY, ("bundle", "show", "bundle", "--schema", "schema"),
                  (*MAKE, "--out", "new", "--against", "bundle")):  # fmt: skip
        status, _, err = run(capsys, *words)
        assert (status, "bundle is a bundle of another schema" in err) == (3, True)
    Path("bundle").write_bytes(b"something else")
    assert run(capsys, *VERIFY)[0] == 3
    assert run(capsys, "bundle", "show", "absent")[0] == 4


def test_images_become_a_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    Path("schema").write_bytes(encoded(changed(ARRAY, "array/maximum", 255)))
    for label in range(4):
        Path("records", str(label)).mkdir(parents=True)
        pixels = np.full((2, 3), 40 * label, np.uint8)
        Image.fromarray(pixels).save(Path("records", str(label), "a.png"))
    assert ran(capsys, *MAKE, "--out", "bundle")["count"] == 4
    assert ran(capsys, *VERIFY)["count"] == 4


def test_what_an_extra_brings_is_named_if_it_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commons.runtime.extras.find_spec", lambda name: None)
    records(1)
    status, _, err = run(capsys, *MAKE, "--out", "bundle")
    assert status == 3
    assert "pip install 'gradroll[data]'" in err


BELIEFS = ("--reward", "1", "--work", "0.3", "--gain", "0.5", "--cost", "0.01", "--guessed", "0.1")
EXAMPLE = ("--deposit", "4", "--stake", "2", "--correction", "0.5", "--fee", "0.4", "--juror-stake", "3")


def test_terms_are_suggested_and_hold_when_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    for arbiter in ("owner", "jury", "model"):
        found = ran(capsys, "terms", *BELIEFS, "--arbiter", arbiter)
        assert all(each["holds"] for each in found["inequalities"])
        names = {"deposit": "deposit", "stake": "stake", "correction": "correction", "fee": "fee"}
        names |= {} if arbiter == "owner" else {"juror_stake": "juror-stake"}
        given = [word for name, option in names.items() for word in (f"--{option}", found["terms"][name])]
        raw = ("--decimals", "0", "--reward", str(10**18), "--work", str(3 * 10**17), "--gain", str(5 * 10**17),
               "--cost", str(10**16), "--guessed", "0.1", "--arbiter", arbiter)  # fmt: skip
        assert ran(capsys, "terms", *raw, *given)["terms"] == found["terms"]


def test_labels_of_chance_are_as_many_as_the_classes_of_a_schema_leave(capsys: pytest.CaptureFixture[str]) -> None:
    """A guess of one of ten is worth less than one of two, so smaller deposits are suggested where a schema says so."""
    unsaid = [word for word in BELIEFS if word not in ("--guessed", "0.1")]
    ten, one = ({"array": {"dtype": "uint8", "shape": [3], "classes": classes}} for classes in (10, 1))
    Path("ten.json").write_bytes(encoded(ten))
    Path("one.json").write_bytes(encoded(one))
    said = {share: ran(capsys, "terms", *unsaid, "--guessed", share)["terms"] for share in ("0.1", "0.5")}
    assert said["0.1"] != said["0.5"]
    assert ran(capsys, "terms", *unsaid, "--schema", "ten.json")["terms"] == said["0.1"]
    assert ran(capsys, "terms", *unsaid, "--schema", "ten.json", "--guessed", "0.5")["terms"] == said["0.5"]
    assert ran(capsys, "terms", *unsaid)["terms"] == said["0.5"]
    assert ran(capsys, "terms", *unsaid, "--schema", "one.json")["terms"] == said["0.5"]
    _, out, _ = run(capsys, "terms", *unsaid, "--schema", "ten.json")
    assert "1 of 10 labels is believed to be right by chance" in out
    _, out, _ = run(capsys, "terms", *unsaid)
    assert "name a --schema" in out


def test_terms_that_break_a_condition_are_refused_unless_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "terms", *BELIEFS, *EXAMPLE)[0] == 0
    careless = (*BELIEFS, *EXAMPLE, "--checked", "0.28")
    status, out, err = run(capsys, "terms", *careless)
    assert (status, "cheating" in err, "BROKEN  cheating" in out) == (3, True, True)
    assert run(capsys, "terms", *careless, "--accept", "cheating")[0] == 0
    assert run(capsys, "terms", *careless, "--accept", "cheating", "--accept", "appeal")[0] == 3


def test_terms_are_given_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (EXAMPLE[:2], EXAMPLE[:8], (*EXAMPLE, "--arbiter", "owner")):
        status, _, err = run(capsys, "terms", *BELIEFS, *words)
        assert (status, "terms to check have all of" in err) == (3, True)
    status, _, err = run(capsys, "terms", *BELIEFS, "--decimals", "0", "--deposit", "0.5", *EXAMPLE[2:])
    assert (status, "more decimals than the token" in err) == (3, True)
    with pytest.raises(SystemExit):
        run(capsys, "terms", "--reward", "1e3")
