"""A disk that a campaign fills takes no byte until there is room again; without one, a process's files cannot grow."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.chaos.disks import Disks
from tests.chaos.supervised import Supervised
from tests.support.waiting import wait_for


def test_a_full_disk_takes_nothing_and_is_gone_afterwards(tmp_path: Path) -> None:
    with Disks(tmp_path / "disks", ["prover-0", "coordinator"]) as disks:
        file = disks.place("prover-0") / "state"
        if disks.mounted:
            disks.fill("prover-0")
            with pytest.raises(OSError, match="space") as caught:
                file.write_bytes(b"x" * 8192)
            assert caught.value.errno == errno.ENOSPC
            (disks.place("coordinator") / "state").write_bytes(b"x" * 8192)
            disks.free("prover-0")
        file.write_bytes(b"x" * 8192)
    assert not disks.mounted or not os.path.ismount(disks.place("prover-0"))


def test_files_of_a_process_that_is_limited_do_not_grow(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "while True:\n"
        "    try:\n"
        "        open(sys.argv[1], 'ab', buffering=0).write(b'x')\n"
        "    except OSError:\n"
        "        open(sys.argv[2], 'a')\n"
        "    time.sleep(0.01)\n"
    )
    grows, refused = tmp_path / "grows", tmp_path / "refused"
    process = Supervised("one", ["-c", script, str(grows), str(refused)], dict(os.environ), tmp_path / "log", print)
    process.start()
    try:
        wait_for(lambda: grows.exists() and grows.stat().st_size > 0)
        assert process.limit_files(0)
        wait_for(refused.exists)
        size = grows.stat().st_size
        process.watch()
        assert grows.stat().st_size == size
        assert process.limit_files(-1)
        wait_for(lambda: grows.stat().st_size > size)
        assert process.lives[0][0].descriptors > 0
    finally:
        process.ask_to_stop()
        assert process.stop() == -15
