"""Every entry point of the contracts: who calls it, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.economics import snapshots

SNAPSHOTS = {
    "Market": ("market", "quorum", "graded"), "CommitteeRegistry": ("registry", "evidence"),
    "VerifierFactory": ("factory",), "ModelRegistry": ("models",), "ModelSales": ("sales",),
    "ModelBounties": ("bounties",), "DataCampaigns": ("data",), "Jury": ("jury",),
    "PerceptronFactory": ("perceptronfactory",), "PerceptronModel": ("perceptron",),
    "ImprovementPay": ("improvement",), "ModelVersions": ("versions",),
}  # fmt: skip
"""Where the gas of each contract's functions is; that of batches and of large claims is in files of its own."""
_BATCH = re.compile(r"gas_(\d+)(, roster compacted)?: transaction")
_CLAIM = re.compile(r"(\d+) rounds, (\w+), (\w+) accounts: claim of (\d+) owners")


@dataclass(frozen=True, slots=True)
class Call:
    """A function that changes something.

    Attributes:
        caller: who sends it, in words.
    """

    contract: str
    function: str
    caller: str


def _calls(contract: str, callers: dict[str, str]) -> tuple[Call, ...]:
    return tuple(Call(contract, function, caller) for function, caller in callers.items())


CALLS = (
    *_calls("Market", {
        "createTask": "model owner",
        "fund": "anybody",
        "admit": "model owner",
        "register": "data owner",
        "compactRoster": "model owner, coordinator",
        "openRound": "model owner",
        "openReferencedRound": "model owner",
        "acceptBatch": "anybody; the coordinator has the fee at first",
        "acceptGradedBatch": "anybody; the coordinator has the fee at first",
        "publishAggregate": "anybody",
        "settleFees": "anybody",
        "challengeAvailability": "model owner",
        "refundFees": "anybody",
        "finalizeRound": "anybody",
        "claim": "anybody",
        "claimTo": "anybody, by the account's order",
        "reclaim": "anybody",
        "collect": "anybody",
        "setAccount": "data owner",
        "resign": "data owner",
        "lapse": "anybody",
        "exit": "anybody",
        "withdraw": "model owner",
        "setCoordinator": "model owner",
        "setCoordinatorByQuorum": "anybody, with a quorum's signatures",
        "exclude": "anybody, with a quorum's signatures",
        "postSubmission": "data owner that is ignored",
        "transferTask": "model owner",
        "acceptTask": "whom the task was offered",
        "pause": "guardian",
        "resume": "guardian",
    }),
    *_calls("CommitteeRegistry", {
        "createCommittee": "anybody",
        "join": "prover",
        "setEndpoint": "prover",
        "rotate": "prover's controller",
        "cancelChange": "prover's controller",
        "applyChange": "anybody",
        "replace": "anybody, with a quorum's signatures",
        "revoke": "prover, or its controller",
        "retire": "prover's controller",
        "withdrawBond": "prover's controller",
        "reportMessages": "anybody but the culprit",
        "reportAttestations": "anybody but the culprit",
        "reportWrongSum": "anybody but the culprit",
        "reportTooFewOwners": "anybody but the culprit",
        "collect": "anybody",
    }),
    *_calls("VerifierFactory", {"create": "anybody"}),
    *_calls("ModelRegistry", {
        "createSet": "anybody",
        "registerGroup": "creator of the set",
        "list": "seller",
        "unlist": "seller",
        "prove": "anybody; the seller has the proof",
        "proveLineage": "seller",
    }),
    *_calls("ModelSales", {
        "depositBond": "anybody; the seller does",
        "withdrawBond": "seller",
        "lock": "buyer",
        "reveal": "anybody; the seller has the key",
        "refund": "anybody",
        "collect": "anybody",
    }),
    *_calls("ModelBounties", {
        "open": "owner of the bounty",
        "pin": "anybody; entrants do",
        "drawTraining": "anybody; the owner has the seed",
        "revealTraining": "anybody; the owner has the groups",
        "cancel": "anybody",
        "enter": "entrant",
        "closeEntries": "anybody",
        "drawTests": "anybody; the owner has the seed",
        "revealTests": "anybody; the owner has the groups",
        "withheld": "anybody",
        "settle": "anybody",
        "lockOffer": "owner of the bounty",
        "lockByReceipts": "winner, with a quorum's signatures",
        "passOver": "anybody",
        "stepDown": "entrant",
        "reveal": "anybody; the winner has the key",
        "collect": "anybody",
    }),
    *_calls("DataCampaigns", {
        "open": "owner of the campaign",
        "fund": "anybody",
        "close": "owner of the campaign",
        "withdraw": "anybody",
        "commit": "contributor",
        "openBundle": "contributor",
        "attest": "anybody, with a quorum's signatures",
        "openInline": "contributor",
        "voidBundle": "anybody",
        "settleBundle": "anybody",
        "challenge": "challenger",
        "revealJudged": "challenger",
        "proveSchema": "challenger",
        "proveDuplicate": "challenger",
        "burnChallenge": "anybody",
        "release": "anybody",
        "concede": "contributor",
        "openCase": "anybody",
        "ownerVerdict": "owner of the campaign",
        "appeal": "anybody",
        "settleSample": "anybody",
        "claimJurorFee": "anybody",
        "closeEpoch": "anybody",
        "collect": "anybody",
    }),
    *_calls("Jury", {
        "join": "juror",
        "resign": "juror",
        "withdraw": "anybody",
        "open": "campaigns",
        "appeal": "campaigns",
        "draw": "anybody",
        "commitVote": "juror",
        "revealVote": "anybody; the juror has the salt",
        "close": "anybody",
        "release": "anybody",
        "collect": "anybody",
    }),
    *_calls("PerceptronFactory", {"make": "anybody"}),
    *_calls("PerceptronModel", {
        "train": "anybody",
        "advance": "anybody",
        "reportMissing": "anybody",
        "passOver": "anybody",
        "showTests": "anybody; the campaign's owner has the salts",
        "score": "anybody",
    }),
    *_calls("ImprovementPay", {
        "open": "sponsor",
        "sign": "anybody, with a quorum's signatures",
        "claim": "anybody",
        "giveBack": "anybody",
        "collect": "anybody",
    }),
    *_calls("ModelVersions", {"register": "author"}),
)  # fmt: skip


def measured(call: Call) -> Iterator[tuple[str, int]]:
    """What was measured of a call: its name with the circumstances, and the gas of the whole transaction."""
    for name in SNAPSHOTS[call.contract]:
        for label, gas in snapshots.load(name).items():
            if label.partition(",")[0] == call.function:
                yield label, gas
    if call.contract == "Market" and call.function == "acceptBatch":
        yield from _batches()
    if call.contract == "Market" and call.function == "claim":
        yield from _claims()


def _batches() -> Iterator[tuple[str, int]]:
    found = {_BATCH.fullmatch(label): gas for label, gas in snapshots.load("gas").items()}
    rows = [(int(match[1]), match[2] or "", gas) for match, gas in found.items() if match]
    for owners, roster, gas in sorted(rows):
        yield f"acceptBatch, {owners} owners{roster}", gas


def _claims() -> Iterator[tuple[str, int]]:
    found = {_CLAIM.fullmatch(label): gas for label, gas in snapshots.load("pay").items()}
    rows = [(int(match[1]), match[2], match[3], match[4], gas) for match, gas in found.items() if match]
    for rounds, token, accounts, owners, gas in sorted(rows):
        counted = "1 round" if rounds == 1 else f"{rounds} rounds"
        yield f"claim, {counted}, {owners} owners, {token}, {accounts} accounts", gas
