"""Who takes part in a run: data owners, and what a lying prover needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from circuits.quantize import Quantized
from circuits.statement import SubmissionHeader
from commons.protocol.messages import Message, message_digest
from commons.protocol.sealeduploads import SealedUpload
from commons.storage.accounts import SigningKey
from provers.joining.keystore import Keystore

PROVERS = 4


@dataclass
class Owner:
    """A data owner in one round: its key, its gradient, and how far it is.

    Attributes:
        insists: when it is in the round, it deals its gradient again and tries to get that in too.
        earlier: how many of its submissions have expired.
        lacked: whether a prover had not the shares of one of those when the coordinator took the header.
    """

    index: int
    round: int
    key: SigningKey
    quantized: Quantized
    header: SubmissionHeader | None = None
    upload: SealedUpload | None = None
    receipts: dict[int, bytes] = field(default_factory=dict)
    entered: bool = False
    insists: bool = False
    earlier: int = 0
    lacked: bool = False

    @property
    def is_everywhere(self) -> bool:
        """Whether all provers had its shares whenever the coordinator took a header of its."""
        return len(self.receipts) == PROVERS and not self.lacked


@dataclass
class Signers:
    """What a lie needs to be signed; stands in for `tests.support.network.Network`."""

    provers: int
    keystores: list[Keystore]

    def resign(self, prover: int, message: Message, body: bytes) -> Message:
        digest = message_digest(message.session, message.step, prover, body)
        return replace(message, body=body, signature=self.keystores[prover].sign(digest))
