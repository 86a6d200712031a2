"""A process that plays all data owners of a case: reads a round's number, submits for everybody, writes the figures."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from circuits.arrays import FloatArray
from circuits.commitment import CommitmentKey
from circuits.quantize import Quantized
from circuits.statement import Committee
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.sharing.dealing import OwnerSeeds, Sharing, share_gradient
from commons.storage.accounts import load_account
from commons.storage.parameters import PublicParameters
from commons.wire.coordinator_client import CoordinatorClient
from gradroll.data_owner.owner import DataOwner
from gradroll.setup.keygen import SRS_FILE


class Clocked:
    """Deals as usual, and notes the CPU time of committing and sharing."""

    cpu = 0.0

    def deal(
        self, quantized: Quantized, bound: int, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
    ) -> Sharing:
        """See `commons.sharing.dealing.share_gradient`."""
        began = time.process_time()
        sharing = share_gradient(quantized, bound, key, committee, seeds)
        self.cpu = time.process_time() - began
        return sharing


def gradient(dimension: int, owner: int, round_number: int) -> FloatArray:
    """Uniform in [-0.5, 0.5): with 16 fraction bits, 16-bit coordinates."""
    return np.random.default_rng((owner, round_number)).random(dimension) - 0.5


def submit(
    owner: DataOwner, clocked: Clocked, number: int, plan: dict[str, Any], round_number: int
) -> dict[str, float]:
    """One submission with its figures; CPU time is the process's."""
    values = gradient(plan["dimension"], number, round_number)
    wall, cpu = time.monotonic(), time.process_time()
    done = owner.submit(plan["task_id"], values, round_number=round_number)
    return {
        "cpu": round(time.process_time() - cpu, 4),
        "seconds": round(time.monotonic() - wall, 4),
        "sharing_cpu": round(clocked.cpu, 4),
        "receipts": len(done.receipts),
        "scale": done.scale,
    }


def main(path: Path) -> None:
    """Serve rounds from standard input until it ends."""
    plan = json.loads(path.read_text())
    view = ChainView(plan["chain"], bytes.fromhex(plan["market"]), expected_chain_id=plan["chain_id"])
    coordinator = CoordinatorClient(plan["coordinator"], timeout=300.0)
    keys = Path(plan["parameters"])
    parameters = PublicParameters(keys / SRS_FILE, keys, allow_insecure=True)
    accounts = Path(plan["accounts"])
    clocks = [Clocked() for _ in range(plan["owners"])]
    owners = [
        DataOwner(
            ChainWriter(view, load_account(accounts / f"owner-{i}.json")), coordinator, parameters, accounts / f"{i}",
            stall=600.0, deal=clocked.deal,
        )
        for i, clocked in enumerate(clocks)
    ]  # fmt: skip
    _say("ready")
    with ThreadPoolExecutor(plan["together"]) as pool:
        for line in sys.stdin:
            number = int(line)
            running = [pool.submit(submit, owner, clocks[i], i, plan, number) for i, owner in enumerate(owners)]
            _say([each.result() for each in running])


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
