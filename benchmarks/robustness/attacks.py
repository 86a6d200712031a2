"""What attackers submit.  They see each other's and all honest gradients of the round, as the literature has it.

Strengths are the usual ones of byzfl: the inner product's manipulation twice the mean, "a little is enough" 1.5
standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.robustness.gradedrules import ReferenceRule
from benchmarks.robustness.rules import Rule
from circuits.arrays import FloatArray

_PRODUCT = 2.0
_DEVIATIONS = 1.5
_SCALE = 10.0
_TRIED_DEVIATIONS = (-4.0, -2.5, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.5, 4.0)
_TRIED_PRODUCTS = (0.1, 0.5, 1.0, 2.0, 10.0)
_TRIED_COSINES = (0.26, 0.4, 0.51, 0.6, 0.76, 0.9)
"""With the reference, from what gives the first level whatever the noise."""


@dataclass(frozen=True, slots=True)
class View:
    """What attackers know in a round.

    Attributes:
        honest: float64[h, d], the honest owners' gradients as they are submitted.
        own: float64[f, d], gradients of the attackers' own samples, without deceit.
        poisoned: float64[f, d], gradients of their samples with other labels or the back door's trigger.
        update: float64[d], the last public sum; None in the first round.
        rule: the rule, which they may ask what it would do.
        rng: for what they draw.
    """

    honest: FloatArray
    own: FloatArray
    poisoned: FloatArray
    update: FloatArray | None
    rule: Rule
    rng: np.random.Generator

    def all(self, gradient: FloatArray) -> FloatArray:
        """The same from every attacker."""
        return np.tile(gradient, (len(self.own), 1))


def crafted(attack: str, view: View) -> FloatArray:
    """float64[f, d]: what the attackers hand to their clients."""
    return ATTACKS[attack](view)


def _poisoned(view: View) -> FloatArray:
    return view.poisoned


def _sign_flip(view: View) -> FloatArray:
    return -view.own


def _inner_product(view: View) -> FloatArray:
    return view.all(-_PRODUCT * view.honest.mean(axis=0))


def _little(view: View) -> FloatArray:
    return view.all(view.honest.mean(axis=0) - _DEVIATIONS * view.honest.std(axis=0))


def _noise(view: View) -> FloatArray:
    """Each its own, ten times as long as an honest gradient."""
    drawn = view.rng.normal(size=view.own.shape)
    drawn *= _SCALE * _length(view.honest).mean() / _length(drawn)[:, None]
    return drawn


def _scaling(view: View) -> FloatArray:
    return -_SCALE * view.own


def _replay(view: View) -> FloatArray:
    """The last public sum again, as work of their own."""
    return view.own if view.update is None else view.all(view.update)


def _adaptive(view: View) -> FloatArray:
    """Against ours by a guess at the reference, from data like the model owner's and all that is public."""
    if isinstance(view.rule, ReferenceRule):
        own = view.own.mean(axis=0)
        return _worst(view, _within_reach(view, view.rule.estimate(own), own))
    return _worst(view, _known(view))


def _informed(view: View) -> FloatArray:
    """Against ours by the reference itself; peers have no secret, so it is the same to them."""
    if isinstance(view.rule, ReferenceRule):
        return _worst(view, _within_reach(view, view.rule.reference, view.rule.own))
    return _worst(view, _known(view))


def _within_reach(view: View, reference: FloatArray, own: FloatArray) -> list[FloatArray]:
    """Gradients that have a level against the reference, and harm as they may.

    For a given part of the reference the rest of a gradient is best spent against what the honest mean has beside it;
    or beside it and the model owner's own gradient, where that guards the update.
    """
    mean = view.honest.mean(axis=0)
    unit = reference / np.linalg.norm(reference)
    tried = []
    for kept in ([reference], [reference, own]):
        basis = np.linalg.qr(np.stack(kept, axis=1)).Q
        beside = mean - basis @ (basis.T @ mean)
        away = -beside / max(float(np.linalg.norm(beside)), np.finfo(np.float64).tiny)
        tried += [cosine * unit + np.sqrt(1 - cosine**2) * away for cosine in _TRIED_COSINES]
    return tried


def _known(view: View) -> list[FloatArray]:
    """Many strengths of the known attacks."""
    mean, deviation = view.honest.mean(axis=0), view.honest.std(axis=0)
    return [mean + factor * deviation for factor in _TRIED_DEVIATIONS] + [-factor * mean for factor in _TRIED_PRODUCTS]


def _worst(view: View, tried: list[FloatArray]) -> FloatArray:
    """That after which the rule's update goes least the honest way, as the rule itself says, one draw of noise ahead.

    That is more than attackers could know of ours: they have neither the true reference to try with nor the noise.
    """
    mean = view.honest.mean(axis=0)
    submitted = view.rule.submitted(np.stack(tried))
    made = [view.rule.combined(np.concatenate([view.honest, view.all(each)])) for each in submitted]
    return view.all(tried[int(np.argmin(np.stack(made) @ mean))])


def _length(gradients: FloatArray) -> FloatArray:
    result: FloatArray = np.linalg.norm(gradients, axis=1)
    return result


ATTACKS: Mapping[str, Callable[[View], FloatArray]] = {
    "label flip": _poisoned,
    "sign flip": _sign_flip,
    "inner product": _inner_product,
    "a little is enough": _little,
    "noise": _noise,
    "scaling": _scaling,
    "back door": _poisoned,
    "adaptive": _adaptive,
    "informed": _informed,
    "replay": _replay,
}
