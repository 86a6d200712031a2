"""What is checked of a listing before anybody relies on it, and of a model before anybody uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from circuits.accuracy.inference import count_right
from circuits.accuracy.sizeclasses import SizeClass
from circuits.errors import ChainError, InvalidInputError, ProofError
from circuits.swap.offerchecks import open_row
from circuits.swap.swapkeys import key_point, unsalted_key
from commons.chain.modelfacts import ListingRecord, Score, SetRecord
from commons.chain.modelview import ModelView
from gradroll.modelmarket.datagroups import DataGroup
from gradroll.modelmarket.modelparameters import ModelParameters
from gradroll.modelmarket.purchases import Purchase
from gradroll.modelmarket.swapping import SwapPlace, checked_row, require_offered
from native import G1, R


@dataclass(frozen=True, slots=True)
class CheckedListing:
    """A listing as most nodes show it, with what was checked of it.

    Attributes:
        size: what its verifier proves, under the operator's key.
        recomputed: groups whose hashes were computed again from files.
        price: by its score; None while not all groups are proven.
    """

    record: ListingRecord
    size: SizeClass
    set_record: SetRecord
    score: Score
    recomputed: frozenset[int]
    price: int | None


@dataclass(frozen=True, slots=True)
class BoughtModel:
    """A model whose weights were opened.

    Attributes:
        weights: int64[d].
    """

    listing: bytes
    model: G1
    size: SizeClass
    weights: npt.NDArray[np.int64] = field(repr=False)


def check_listing(
    models: ModelView, parameters: ModelParameters, listing: bytes, groups: Mapping[int, DataGroup]
) -> CheckedListing:
    """A listing, checked: its identifier, its verifier and class, and the data of its set as far as they are given.

    Raises:
        UnknownError: there is no such listing.
        ProofError: the identifier does not follow from what the node shows.
        ContractError, KeyMismatchError: nobody knows what its verifier proves.
        InvalidInputError: the data are not those of the set.
    """

    def ask() -> tuple[ListingRecord, SetRecord, Score]:
        record = models.listing(listing)
        return record, models.set_of(record.terms.set_id), models.score(listing)

    found = models.chain.most(ask)
    if found is None:
        raise ChainError("most nodes do not show the listing; check its identifier, or wait for them")
    record, set_record, score = found
    named = record.terms.listing_id(models.deployment, record.seller, models.nonce_of(listing), record.model)
    if named != listing:
        raise ProofError("the node shows other terms than the listing's identifier binds; use another node")
    verifier = models.verifier(record.terms.verifier)
    if verifier.factory != models.factory:
        raise ProofError("the listing's verifier is of another factory than the registry's; use another node")
    size = parameters.class_of(verifier)
    for number, data in groups.items():
        if not 0 <= number < len(set_record.hashes) or set_record.hashes[number] != data.hash:
            raise InvalidInputError(
                f"the data are not group {number} of the listing's set, whose hash is another; get the right file"
            )
    price = record.terms.price(score.correct) if score.complete else None
    return CheckedListing(record, size, set_record, score, frozenset(groups), price)


def opened_model(
    parameters: ModelParameters,
    seen: CheckedListing,
    place: SwapPlace,
    purchase: Purchase,
    revealed: int,
    groups: Mapping[int, DataGroup],
) -> BoughtModel:
    """The model behind a revealed key: the sealed row is checked again, opened, and tried on the data.

    Args:
        purchase: the offer as it was checked before it was paid for.
        revealed: k'.

    Raises:
        ProofError: key, row or weights are not what was paid for.
    """
    if not 0 < revealed < R or key_point(revealed) != purchase.public:
        raise ProofError("the node shows a key that is not the one of the sale; use another node")
    key = unsalted_key(revealed, purchase.blinding)
    checked = checked_row(parameters, place, seen.record.model, seen.size, purchase.row)
    require_offered(checked, purchase.offer, purchase.public, purchase.blinding)
    weights = open_row(checked, key)
    right = sum(count_right(seen.size, *_exact(data), weights) for data in groups.values())
    if groups and set(groups) >= seen.score.proven and right < seen.score.correct:
        raise ProofError(
            f"the model answers {right} rightly, and {seen.score.correct} were proven: the key of its class is broken; "
            "tell the market's operator"
        )
    return BoughtModel(seen.record.listing, seen.record.model, seen.size, weights)


def _exact(data: DataGroup) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return data.features.astype(np.int64), data.labels.astype(np.int64)
