"""The demo's last act: the model card of what was trained, checked as by somebody who has the chain's data alone."""

from __future__ import annotations

from pathlib import Path

from circuits.arrays import FloatArray
from circuits.errors import UnavailableError
from commons.protocol.modelmanifests import ModelManifest
from commons.runtime.stages import stage
from commons.storage.files import write_durably
from gradroll.audit.cardchecks import check_card
from gradroll.audit.cardfacts import CardFacts
from gradroll.audit.cardpages import page
from gradroll.audit.modelcards import ModelCard
from gradroll.console import Console
from gradroll.demo.cast import Cast
from gradroll.model_owner.roundsums import RoundReader


def write_card(
    cast: Cast, task_id: int, manifest: ModelManifest, model: FloatArray, out: Path, console: Console
) -> str | None:
    """Write card.json and card.html, read the card back and hold it against the chain.

    No coordinator is asked; provers are for how owners were graded, where they are.

    Args:
        model: float64[650], the final one.

    Returns:
        "verified", or the first field that is not as the chain has it; None where no rule says which model follows.
    """
    if manifest.training is None:
        return None
    console.heading("model card")
    facts = CardFacts(RoundReader(cast.view, cast.parameters), task_id, _nobody)
    with stage("computing the models again from the chain"):
        card = facts.card(manifest)
        for name, data in (("card.json", card.encoded), ("card.html", page(card).encode("utf-8"))):
            write_durably(out / name, data)
        verdict = check_card(ModelCard.decode((out / "card.json").read_bytes()), facts, model)
    for lie in verdict.lies:
        console.line(f"  FAILED {lie.field}: {lie.text}", "red")
    if verdict.lies:
        return verdict.lies[0].field
    console.line(f"  {out / 'card.html'}: {len(card.rounds)} rounds; the models follow from the sums on the chain")
    return "verified"


def _nobody(digest: bytes) -> FloatArray:
    raise UnavailableError(f"the first model is zeros, and nobody serves 0x{digest.hex()}")
