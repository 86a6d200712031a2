"""`gradroll artifact`, as it is typed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commons.artifacts.cids import Cid
from commons.artifacts.localstore import LocalStore
from commons.artifacts.transfers import cid_of_file
from commons.artifacts.unixfs import LEAF
from gradroll.cli import main
from gradroll.commands import transferprogress
from tests.artifacts.blockservers import Server, gateway_over
from tests.artifacts.vectors import counted
from tests.support.localserver import Answer, Asked

DATA = counted(2 * LEAF + 9)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(transferprogress, "_PATIENCE", 0.0)
    (tmp_path / "file").write_bytes(DATA)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["artifact", *words])
    said = capsys.readouterr()
    return status, said.out.strip(), said.err


def test_a_file_is_put_fetched_and_verified(capsys: pytest.CaptureFixture[str]) -> None:
    root = str(cid_of_file(Path("file")).root)
    assert run(capsys, "cid", "file")[:2] == (0, root)
    assert run(capsys, "put", "file", "--store", "kept")[:2] == (0, root)
    assert run(capsys, "get", root, "--store", "kept", "--out", "copy")[0] == 0
    assert Path("copy").read_bytes() == DATA
    assert run(capsys, "verify", root, "--file", "copy")[0] == 0
    assert run(capsys, "verify", root, "--store", "kept")[0] == 0
    status, out, _ = run(capsys, "cid", "file", "--json")
    assert (status, json.loads(out)["cid"], json.loads(out)["size"]) == (0, root, len(DATA))


def test_progress_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = run(capsys, "put", "file", "--store", "kept")
    assert f"put {LEAF} of {len(DATA)} bytes" in err
    assert f"put {len(DATA)} of {len(DATA)} bytes (100%)" in err
    assert "%" not in out


def test_the_store_comes_from_settings_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    status, _, err = run(capsys, "put", "file")
    assert status == 3
    assert "artifacts.store is missing" in err
    monkeypatch.setenv("GRADROLL_ARTIFACTS_STORE", "elsewhere")
    assert run(capsys, "put", "file")[0] == 0
    assert Path("elsewhere").is_dir()
    monkeypatch.setenv("GRADROLL_ARTIFACTS_MAX_BYTES", "1000")
    status, _, err = run(capsys, "get", str(cid_of_file(Path("file")).root), "--out", "copy")
    assert status == 3
    assert f"has {len(DATA)} bytes, more than the 1000" in err


def test_other_bytes_end_with_seven(capsys: pytest.CaptureFixture[str]) -> None:
    root = cid_of_file(Path("file")).root
    run(capsys, "put", "file", "--store", "kept")
    leaf = str(Cid.of(DATA[:LEAF]))
    (Path("kept") / leaf[-3:-1] / leaf).write_bytes(b"other")
    status, _, err = run(capsys, "verify", str(root), "--store", "kept")
    assert (status, "serves other bytes" in err) == (7, True)
    Path("file").write_bytes(b"other")
    status, _, err = run(capsys, "verify", str(root), "--file", "file")
    assert (status, f"not {root}" in err) == (7, True)


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    root = str(cid_of_file(Path("file")).root)
    run(capsys, "put", "file", "--store", "kept")
    Path("copy").write_bytes(b"mine")
    assert run(capsys, "get", root, "--store", "kept", "--out", "copy")[0] == 6
    assert Path("copy").read_bytes() == b"mine"
    assert run(capsys, "get", root, "--store", "kept", "--out", "copy", "--force")[0] == 0
    assert Path("copy").read_bytes() == DATA


@pytest.mark.parametrize(
    "url", ["http://user:hunter2@127.0.0.1:1/api/v0", "s3://AKIA:hunter2@bucket", "s3://bucket?key=hunter2"]
)
def test_a_password_in_the_store_is_refused_unseen(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "put", "file", "--store", url)
    assert status == 3
    assert "artifacts.store" in err
    assert "hunter2" not in out + err


def test_what_is_no_identifier_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["artifact", "get", "../../etc/passwd", "--out", "copy"])
    assert stopped.value.code == 2
    assert "content identifier" in capsys.readouterr().err


def _interruptible() -> None:
    """Whoever runs the tests in the background has them ignore Ctrl-C, and all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_download_that_is_interrupted_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C while the gateway takes its time over the last leaf; the next command asks for that one alone."""
    root = str(cid_of_file(Path("file")).root)
    run(capsys, "put", "file", "--store", "kept")
    whole, last = gateway_over(LocalStore(Path("kept").absolute())), str(Cid.of(DATA[2 * LEAF :]))
    process: list[subprocess.Popen[bytes]] = []

    def answer(asked: Asked) -> Answer:
        if last in asked.path and process[0].poll() is None:
            process[0].send_signal(signal.SIGINT)
            process[0].wait()
        return whole(asked)

    with Server(answer) as server:
        words = ["artifact", "get", root, "--out", "copy", "--store", server.url]
        command = [sys.executable, "-m", "gradroll", *words]
        child = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=_interruptible)  # noqa: PLW1509
        process.append(child)
        assert b"run the command again to go on" in process[0].communicate()[1]
        assert process[0].returncode == 130
        assert not Path("copy").exists()
        del server.asked[:]
        assert main(words) == 0
    assert Path("copy").read_bytes() == DATA
    assert sorted(asked.path for asked in server.asked) == sorted(f"/ipfs/{c}?format=raw" for c in (root, last))
