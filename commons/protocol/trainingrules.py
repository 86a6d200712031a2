"""By which rule a task's models follow from each other: what a manifest says of it, and its canonical JSON.

The arithmetic is in ``gradroll/training``; docs/training.md has the mathematics.  Everything here is a frozen value,
valid once it is built.  JSON holds objects, lists, integers and strings only; floats are strings of ``float.hex``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from circuits.errors import InvalidInputError
from circuits.terms import MAX_ROUNDS
from commons.protocol.strictjson import hex_float, require_fields, require_whole

BY_WEIGHT: Literal["weight"] = "weight"
"""Divisor that stands for a round's number of gradients, or for the sum of their weights where they are graded."""
MAX_BITS = 62
MAX_NUMERATOR = (1 << 53) - 1
MAX_DIVISOR = (1 << 32) - 1
MAX_SCHEDULE = 256
MAX_REDUCTIONS = 64
MAX_METRIC = 10**15
"""Largest magnitude of a metric, in millionths."""
_DIGEST = re.compile(r"0x[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Dyadic:
    """numerator / 2^bits, in lowest terms: the numerator is odd, or ``bits`` is 0.

    Raises:
        InvalidInputError: not 0 <= numerator < 2^53, not 0 <= bits <= 62, or not in lowest terms.
    """

    numerator: int
    bits: int = 0

    def __post_init__(self) -> None:
        require_whole("a dyadic number's numerator", self.numerator, 0, MAX_NUMERATOR)
        require_whole("a dyadic number's bits", self.bits, 0, MAX_BITS)
        if self.bits and self.numerator % 2 == 0:
            raise InvalidInputError("a dyadic number is in lowest terms: its numerator is odd, or its bits are 0")

    @classmethod
    def near(cls, value: float | Fraction, bits: int = 32) -> Dyadic:
        """The multiple of 2^-bits that is nearest to a value, ties to even, in lowest terms.

        Raises:
            InvalidInputError: the value is negative, not finite, too large, or becomes zero though it is none.
        """
        require_whole("a dyadic number's bits", bits, 0, MAX_BITS)
        if not math.isfinite(value) or value < 0:
            raise InvalidInputError(f"{value} is no number that a training rule can hold: it must be finite, not < 0")
        found = Fraction(round(Fraction(value) * (1 << bits)), 1 << bits)
        if value and not found:
            raise InvalidInputError(f"{value} is nearer to zero than to 2^-{bits}; allow more bits")
        return cls(found.numerator, found.denominator.bit_length() - 1)

    @property
    def fraction(self) -> Fraction:
        """The number, exactly."""
        return Fraction(self.numerator, 1 << self.bits)

    def to_json(self) -> dict[str, Any]:
        """As in a manifest."""
        return {"bits": self.bits, "numerator": self.numerator}

    @classmethod
    def from_json(cls, value: Any) -> Dyadic:
        """Raises InvalidInputError for whatever ``to_json`` does not give."""
        found = require_fields(value, "a dyadic number", ("bits", "numerator"))
        return cls(found["numerator"], found["bits"])


ZERO = Dyadic(0)


@dataclass(frozen=True, slots=True)
class Sgd:
    """Stochastic gradient descent: the model is the one before less rate times gradient.

    Attributes:
        model_bits: f of the model: its coordinates are multiples of 2^-f, below 2^53 of them.
    """

    model_bits: int

    def __post_init__(self) -> None:
        require_whole("the model's fraction bits", self.model_bits, 0, MAX_BITS)


@dataclass(frozen=True, slots=True)
class Momentum:
    """Gradient descent by a velocity (Polyak's heavy ball): v is momentum times the v before, plus the gradient.

    Attributes:
        model_bits: see ``Sgd``.
        momentum: below 1.
        velocity_bits: fraction bits to which v is rounded.
    """

    model_bits: int
    momentum: Dyadic
    velocity_bits: int

    def __post_init__(self) -> None:
        require_whole("the model's fraction bits", self.model_bits, 0, MAX_BITS)
        require_whole("the velocity's fraction bits", self.velocity_bits, 0, MAX_BITS)
        _require_below_one("momentum", self.momentum)


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma and Ba, arXiv 1412.6980), in float64; with weight decay it is AdamW (arXiv 1711.05101).

    Attributes:
        beta1, beta2: decay rates of the moments, at least 0 and below 1.
        epsilon: added to the root of the second moment, above 0.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        for name, value, least in (("beta1", self.beta1, 0.0), ("beta2", self.beta2, 0.0)):
            if type(value) is not float or not least <= value < 1 or math.copysign(1, value) < 0:
                raise InvalidInputError(f"adam: {name} is {value!r}, it must be a float in [0, 1)")
        if type(self.epsilon) is not float or not 2.0**-200 <= self.epsilon <= 1:
            raise InvalidInputError(f"adam: epsilon is {self.epsilon!r}, it must be a float in [2^-200, 1]")


Method = Sgd | Momentum | Adam


@dataclass(frozen=True, slots=True)
class Clip:
    """A limit on the mean gradient of a round.

    Attributes:
        kind: "norm": the mean is shortened to an L2 norm of ``limit``; "value": each coordinate is brought into
            [-limit, limit].
        limit: above 0, in the gradient's units.
    """

    kind: Literal["norm", "value"]
    limit: Dyadic

    def __post_init__(self) -> None:
        if self.kind not in ("norm", "value"):
            raise InvalidInputError('a training rule clips by "norm" or by "value"')
        _require_above_zero("the limit of clipping", self.limit)


@dataclass(frozen=True, slots=True)
class ScheduleStep:
    """From a round on the rate is the rule's times a factor; the factor of a later step takes its place.

    Attributes:
        round: number of the first round, above 0.
        factor: above 0.
    """

    round: int
    factor: Dyadic

    def __post_init__(self) -> None:
        require_whole("a step of the schedule begins with a round that", self.round, 1, MAX_ROUNDS)
        _require_above_zero("a factor of the schedule", self.factor)


@dataclass(frozen=True, slots=True)
class Plateau:
    """The rate is reduced when a metric on a committed validation set no longer gets better.

    Attributes:
        mode: "min": a smaller metric is better; "max": a larger one.
        factor: by which the rate is multiplied each time, above 0 and below 1.
        patience: so many rounds in a row that are no better than the best reduce the rate.
        min_delta: millionths by which a metric must beat the best one to be better.
        reductions: most times that the rate is reduced.
        validation: 32 bytes, digest of the validation set.
    """

    mode: Literal["min", "max"]
    factor: Dyadic
    patience: int
    min_delta: int
    reductions: int
    validation: bytes

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise InvalidInputError('the mode of a plateau is "min" or "max"')
        _require_above_zero("the factor of a plateau", self.factor)
        _require_below_one("the factor of a plateau", self.factor)
        require_whole("the patience of a plateau", self.patience, 1, MAX_ROUNDS)
        require_whole("min_delta of a plateau", self.min_delta, 0, MAX_METRIC)
        require_whole("the reductions of a plateau", self.reductions, 1, MAX_REDUCTIONS)
        if type(self.validation) is not bytes or len(self.validation) != 32:
            raise InvalidInputError("the digest of a validation set has 32 bytes")


@dataclass(frozen=True, slots=True)
class TrainingRule:
    """How the model of the next round follows from those before and their sums.

    Attributes:
        method: the algorithm and what belongs to it alone.
        rate: the learning rate, above 0.
        max_rounds: rounds that the task trains at most.
        divisor: by what a round's sum is divided: ``BY_WEIGHT``, or a number from 1 to 2^32 - 1.
        clip: of the mean gradient; None: it is taken as it is.
        decay: decoupled weight decay: each round takes rate times decay times the model off the model.
        schedule: at most 256 steps by increasing rounds.
        plateau: None: no metric is called for.
    """

    method: Method
    rate: Dyadic
    max_rounds: int
    divisor: int | Literal["weight"] = BY_WEIGHT
    clip: Clip | None = None
    decay: Dyadic = ZERO
    schedule: tuple[ScheduleStep, ...] = field(default=())
    plateau: Plateau | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.method, Method):
            raise InvalidInputError("the method of a training rule is sgd, momentum or adam")
        _require_above_zero("the rate of a training rule", self.rate)
        require_whole("max_rounds of a training rule", self.max_rounds, 1, MAX_ROUNDS)
        if self.divisor != BY_WEIGHT:
            require_whole("the divisor of a training rule", self.divisor, 1, MAX_DIVISOR)
        if len(self.schedule) > MAX_SCHEDULE:
            raise InvalidInputError(f"the schedule of a training rule has at most {MAX_SCHEDULE} steps")
        rounds = [step.round for step in self.schedule]
        if any(later <= earlier for earlier, later in pairwise(rounds)):
            raise InvalidInputError("the steps of a schedule begin in increasing rounds")

    def factor_in(self, number: int) -> Dyadic:
        """Factor of the schedule in a round."""
        found = Dyadic(1)
        for step in self.schedule:
            if step.round <= number:
                found = step.factor
        return found

    def to_json(self) -> dict[str, Any]:
        """As in a manifest: what is left at its default is left out."""
        out: dict[str, Any] = {
            "divisor": self.divisor,
            "max_rounds": self.max_rounds,
            "method": _method_json(self.method),
            "rate": self.rate.to_json(),
        }
        if self.clip is not None:
            out["clip"] = {"kind": self.clip.kind, "limit": self.clip.limit.to_json()}
        if self.decay != ZERO:
            out["decay"] = self.decay.to_json()
        if self.schedule:
            out["schedule"] = [{"factor": step.factor.to_json(), "round": step.round} for step in self.schedule]
        if self.plateau is not None:
            out["plateau"] = _plateau_json(self.plateau)
        return out

    @classmethod
    def from_json(cls, value: Any) -> TrainingRule:
        """The rule of a parsed JSON value.

        Raises:
            InvalidInputError: ``to_json`` of no rule gives this value.
        """
        optional = ("clip", "decay", "plateau", "schedule")
        found = require_fields(value, "a training rule", ("divisor", "max_rounds", "method", "rate"), optional)
        rule = cls(
            _method(found["method"]),
            Dyadic.from_json(found["rate"]),
            found["max_rounds"],
            found["divisor"],
            _clip(found["clip"]) if "clip" in found else None,
            Dyadic.from_json(found["decay"]) if "decay" in found else ZERO,
            _schedule(found["schedule"]) if "schedule" in found else (),
            _plateau(found["plateau"]) if "plateau" in found else None,
        )
        if rule.to_json() != value:
            raise InvalidInputError("the training rule is not in its canonical form: defaults are left out")
        return rule


def _method_json(method: Method) -> dict[str, Any]:
    match method:
        case Sgd():
            return {"model_bits": method.model_bits, "name": "sgd"}
        case Momentum():
            return {
                "model_bits": method.model_bits,
                "momentum": method.momentum.to_json(),
                "name": "momentum",
                "velocity_bits": method.velocity_bits,
            }
        case Adam():
            numbers = {"beta1": method.beta1, "beta2": method.beta2, "epsilon": method.epsilon}
            return {"name": "adam", **{key: number.hex() for key, number in numbers.items()}}


def _method(value: Any) -> Method:
    name = value.get("name") if isinstance(value, Mapping) else None
    if name == "sgd":
        return Sgd(require_fields(value, "sgd", ("model_bits", "name"))["model_bits"])
    if name == "momentum":
        found = require_fields(value, "momentum", ("model_bits", "momentum", "name", "velocity_bits"))
        return Momentum(found["model_bits"], Dyadic.from_json(found["momentum"]), found["velocity_bits"])
    if name == "adam":
        found = require_fields(value, "adam", ("beta1", "beta2", "epsilon", "name"))
        return Adam(*(hex_float(found[name], "a float of a training rule") for name in ("beta1", "beta2", "epsilon")))
    raise InvalidInputError("the method of a training rule is sgd, momentum or adam")


def _clip(value: Any) -> Clip:
    found = require_fields(value, "clip", ("kind", "limit"))
    return Clip(found["kind"], Dyadic.from_json(found["limit"]))


def _schedule(value: Any) -> tuple[ScheduleStep, ...]:
    if not isinstance(value, list) or len(value) > MAX_SCHEDULE:
        raise InvalidInputError(f"the schedule of a training rule is a list of at most {MAX_SCHEDULE} steps")
    steps = [require_fields(step, "a step of the schedule", ("factor", "round")) for step in value]
    return tuple(ScheduleStep(step["round"], Dyadic.from_json(step["factor"])) for step in steps)


def _plateau_json(plateau: Plateau) -> dict[str, Any]:
    return {
        "factor": plateau.factor.to_json(),
        "min_delta": plateau.min_delta,
        "mode": plateau.mode,
        "patience": plateau.patience,
        "reductions": plateau.reductions,
        "validation": "0x" + plateau.validation.hex(),
    }


def _plateau(value: Any) -> Plateau:
    keys = ("factor", "min_delta", "mode", "patience", "reductions", "validation")
    found = require_fields(value, "plateau", keys)
    digest = found["validation"]
    if not isinstance(digest, str) or _DIGEST.fullmatch(digest) is None:
        raise InvalidInputError("the digest of a validation set is 0x and 64 hexadecimal digits, in lower case")
    factor, validation = Dyadic.from_json(found["factor"]), bytes.fromhex(digest[2:])
    return Plateau(found["mode"], factor, found["patience"], found["min_delta"], found["reductions"], validation)


def _require_above_zero(what: str, value: Dyadic) -> None:
    if not isinstance(value, Dyadic) or value.numerator == 0:
        raise InvalidInputError(f"{what} must be a dyadic number above 0")


def _require_below_one(what: str, value: Dyadic) -> None:
    if not isinstance(value, Dyadic) or value.fraction >= 1:
        raise InvalidInputError(f"{what} must be a dyadic number below 1")
