"""Prints a result file's figures on a few lines: `python -m benchmarks.show NAME...`."""

from __future__ import annotations

import json
import sys

from benchmarks import results


def show(wanted: str) -> str:
    """Summary, steps of one prover, the coordinator's share, memory."""
    found = results.load(wanted)
    if found is None:
        return f"{wanted}: not measured"
    if "summary" not in found:
        return json.dumps(found, indent=1)
    lines = [wanted, *(f"  {key} {value:.5g}" for key, value in found["summary"].items())]
    for step, figures in found["prover_steps"]["prover-0"].items():
        advanced = found["coordinator_advances"].get(step, {}).get("cpu", 0.0)
        asked = found["coordinator_asks"].get(step, {})
        lines.append(
            f"  {step:10} prover cpu {figures['cpu']:8.3f} wall {figures['seconds']:8.3f} "
            f"in {figures['received']:12.0f} out {figures['sent']:12.0f}; "
            f"coordinator asks {asked.get('cpu', 0.0):7.3f} takes in {advanced:7.3f}"
        )
    for name, memory in found["memory"].items():
        lines.append(
            f"  {name} {memory['resident'] / 1e6:.0f} MB resident, {memory['anonymous'] / 1e6:.0f} MB anonymous"
        )
    lines.append(f"  stored {found['stored_bytes']}")
    lines += [f"  {r['wall_submit']} {r['wall_prove']} {r['cpu_submit']} {r['cpu_prove']}" for r in found["rounds"]]
    return "\n".join(lines)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(show(argument) + "\n")
