"""What everybody knows of a hidden model: the network's layers, and the directions of the noise on its outputs.

A model owner hides a network of linear layers or convolutions, ReLU behind each but the last, by scaling hidden neurons
and adding noise to the last layer (Yang et al., arXiv 2002.09843).  ``docs/model-privacy.md`` has the mathematics, and
what that hides and what not.  Owners compute on the view and hand in, block after block, the gradient on the view, for
each group of outputs a term sigma, and a term beta; the model owner makes the true gradient of them.

The flat vector of a model: for each layer with weights its weights, row-major, as (outputs, inputs) or (outputs,
channels, kernel, kernel), then its biases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from circuits.errors import InvalidInputError
from circuits.hashing import keccak, tag
from circuits.terms import NewTask
from commons.protocol.strictjson import bounded_json, canonical, hex_float, require_fields

LINEAR, CONV, MAX_POOL, AVERAGE_POOL, FLATTEN = "linear", "conv", "max-pool", "average-pool", "flatten"
MAX_LAYERS = 256
MAX_GROUPS = 64
MAX_OUTPUTS = 4096
"""Of the last layer: each has a direction, which the manifest has to hold."""
MAX_SIDE = 1 << 20
"""Numbers along a side of a layer's input or output."""
MAX_ACTIVATIONS = 1 << 26
"""Numbers of a layer's output, for one sample."""
MAX_PARAMETERS = 1 << 28
GAMMA_RANGE = (2.0**-20, 2.0**20)
"""What the size of a direction lies in: neither lost beside others, nor drowning them."""
_FIELDS: dict[str, tuple[str, ...]] = {
    LINEAR: ("outputs",),
    CONV: ("outputs", "kernel", "stride", "padding"),
    MAX_POOL: ("kernel", "stride"),
    AVERAGE_POOL: ("kernel", "stride"),
    FLATTEN: (),
}
"""What a layer of each kind says of itself; the others of `Layer`'s numbers are 0."""
_LOWEST = {"outputs": 1, "kernel": 1, "stride": 1, "padding": 0}
_KEYS = {"gamma", "groups", "input", "layers"}
MAX_DESCRIPTION = 1 << 18
"""Bytes of a network's description at most."""
_TAG = tag("gradroll/v1/hidden-model/network")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; kernels, strides and paddings are alike in both directions, padding is with zeros.

    Attributes:
        kind: ``linear``, ``conv``, ``max-pool``, ``average-pool`` or ``flatten``.  Behind each of the first two but the
            last one there is a ReLU, which is not listed.
        outputs: neurons of ``linear``, channels of ``conv``.
        kernel, stride: of ``conv`` and pools.
        padding: of ``conv``, below the kernel.
    """

    kind: str
    outputs: int = 0
    kernel: int = 0
    stride: int = 0
    padding: int = 0

    def __post_init__(self) -> None:
        if self.kind not in _FIELDS:
            raise InvalidInputError(f"hiding scheme: a layer is of kind {self.kind!r:.40}, not one of {list(_FIELDS)}")
        for name, low in _LOWEST.items():
            value = getattr(self, name)
            if name not in _FIELDS[self.kind]:
                if value != 0:
                    raise InvalidInputError(f"hiding scheme: a {self.kind} layer has no {name}")
            elif not _is_count(value, low, MAX_SIDE):
                raise InvalidInputError(
                    f"hiding scheme: {name} of a {self.kind} layer must be an integer in [{low}, {MAX_SIDE}]"
                )
        if self.padding and self.padding >= self.kernel:
            raise InvalidInputError("hiding scheme: a padding must be below the kernel, or outputs see zeros only")

    @property
    def weighted(self) -> bool:
        """Whether it has weights."""
        return self.kind in (LINEAR, CONV)

    def shape_after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of its output: (neurons,) or (channels, height, width).

        Raises:
            InvalidInputError: the input has another number of axes than the layer takes, or is smaller than the kernel.
        """
        if self.kind == FLATTEN:
            return (math.prod(shape),)
        if len(shape) != (1 if self.kind == LINEAR else 3):
            raise InvalidInputError(f"hiding scheme: a {self.kind} layer does not take an input of shape {shape}")
        if self.kind == LINEAR:
            return (self.outputs,)
        sides = [(side + 2 * self.padding - self.kernel) // self.stride + 1 for side in shape[1:]]
        if min(sides) < 1:
            raise InvalidInputError(f"hiding scheme: a kernel of {self.kernel} is larger than its input {shape}")
        return (self.outputs or shape[0], *sides)

    def weights_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of its weights for an input's shape, (outputs, inputs) or (outputs, channels, kernel, kernel)."""
        return (self.outputs, shape[0]) + ((self.kernel, self.kernel) if self.kind == CONV else ())


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a layer's weights and biases are in the flat vector.

    Attributes:
        shape: of the weights.
        start: of the weights; the biases follow them, and there are ``shape[0]`` of them.
    """

    shape: tuple[int, ...]
    start: int

    @property
    def length(self) -> int:
        """Weights and biases together."""
        return math.prod(self.shape) + self.shape[0]

    @property
    def place(self) -> slice:
        """Weights and biases in the flat vector."""
        return slice(self.start, self.start + self.length)


@dataclass(frozen=True, slots=True)
class HidingScheme:
    """The public part of a hidden model; see the module.

    Attributes:
        input: shape of a sample: (features,) or (channels, height, width).
        layers: from the input on; the last one is linear, and another one before it has weights.
        groups: for each output the number of its group, 0 to m - 1: outputs of a group share a secret scalar.
        gamma: for each output how much of its group's scalar it takes: finite, not 0, sizes within ``GAMMA_RANGE``.
    """

    input: tuple[int, ...]
    layers: tuple[Layer, ...]
    groups: tuple[int, ...]
    gamma: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.input) not in (1, 3) or not all(_is_count(side, 1, MAX_SIDE) for side in self.input):
            raise InvalidInputError("hiding scheme: an input has one side or three, positive integers")
        if len(self.layers) > MAX_LAYERS:
            raise InvalidInputError(f"hiding scheme: {len(self.layers)} layers, at most {MAX_LAYERS} may be")
        if sum(layer.weighted for layer in self.layers) < 2 or self.layers[-1].kind != LINEAR:
            raise InvalidInputError("hiding scheme: the last layer must be linear, and one before it have weights")
        if any(math.prod(shape) > MAX_ACTIVATIONS for shape in self.shapes()):
            raise InvalidInputError(f"hiding scheme: a layer has more than {MAX_ACTIVATIONS} numbers for a sample")
        if self.model_length > MAX_PARAMETERS:
            raise InvalidInputError(f"hiding scheme: the model has more than {MAX_PARAMETERS} numbers")
        self._check_outputs()

    def _check_outputs(self) -> None:
        outputs = self.layers[-1].outputs
        if outputs > MAX_OUTPUTS or len(self.groups) != outputs or len(self.gamma) != outputs:
            raise InvalidInputError(
                f"hiding scheme: there must be a group and a gamma for each output, of which at most {MAX_OUTPUTS}"
            )
        if not all(_is_count(group, 0, MAX_GROUPS - 1) for group in self.groups):
            raise InvalidInputError(f"hiding scheme: groups are numbered from 0, at most {MAX_GROUPS} of them")
        if set(self.groups) != set(range(max(self.groups) + 1)):
            raise InvalidInputError("hiding scheme: a group has no output")
        low, high = GAMMA_RANGE
        if not all(isinstance(g, float) and low <= abs(g) <= high for g in self.gamma):
            raise InvalidInputError(f"hiding scheme: the size of a gamma must be a float in [{low}, {high}]")

    @property
    def group_count(self) -> int:
        """m, the number of secret scalars."""
        return max(self.groups) + 1

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes for one sample: of the input, then of each layer's output."""
        shapes = [self.input]
        for layer in self.layers:
            shapes.append(layer.shape_after(shapes[-1]))
        return tuple(shapes)

    @property
    def weights(self) -> tuple[Weights, ...]:
        """Of the layers that have them, in order."""
        found: list[Weights] = []
        for layer, (before, _) in zip(self.layers, pairwise(self.shapes()), strict=True):
            if layer.weighted:
                start = found[-1].start + found[-1].length if found else 0
                found.append(Weights(layer.weights_shape(before), start))
        return tuple(found)

    @property
    def model_length(self) -> int:
        """Numbers of the model, and of its view."""
        return sum(weights.length for weights in self.weights)

    def outputs_of(self, group: int) -> tuple[int, ...]:
        """The outputs of a group, ascending."""
        return tuple(k for k, number in enumerate(self.groups) if number == group)

    def blocks(self) -> tuple[tuple[str, int], ...]:
        """Names and lengths of the blocks of what an owner hands in, one a layer and term.

        ``gradient.L`` for each layer L with weights; for each group S ``sigma.S.L``, of the last layer its own rows
        only, weights of them and then biases, as others are zero; ``beta.L`` for the layers but the last, where it is
        zero.  Beta of a group is its outputs' sum of gamma squared times this one.
        """
        lengths = [weights.length for weights in self.weights]
        row = self.weights[-1].shape[1] + 1
        below = range(len(lengths) - 1)
        named = [(f"gradient.{layer}", length) for layer, length in enumerate(lengths)]
        for group in range(self.group_count):
            named += [(f"sigma.{group}.{layer}", lengths[layer]) for layer in below]
            named.append((f"sigma.{group}.{len(lengths) - 1}", row * len(self.outputs_of(group))))
        return (*named, *((f"beta.{layer}", lengths[layer]) for layer in below))

    @property
    def handed_in(self) -> int:
        """Numbers that an owner hands in: the blocks' lengths together."""
        return sum(length for _, length in self.blocks())

    @property
    def digest(self) -> bytes:
        """Keccak-256 of its canonical JSON, 32 bytes: what a model owner's secret was made for."""
        return keccak(_TAG + canonical(self.to_json()))

    def to_json(self) -> dict[str, object]:
        """Part of a model manifest: integers, and floats as hexadecimal strings."""
        layers = [
            {"kind": layer.kind, **{name: getattr(layer, name) for name in _FIELDS[layer.kind]}}
            for layer in self.layers
        ]
        gamma = [value.hex() for value in self.gamma]
        return {"gamma": gamma, "groups": list(self.groups), "input": list(self.input), "layers": layers}

    @classmethod
    def from_json(cls, value: object) -> HidingScheme:
        """Back from there.

        Raises:
            InvalidInputError: anything that `to_json` does not write: another key, another type, a float written
                otherwise, a number out of range.
        """
        if not isinstance(value, dict) or set(value) != _KEYS:
            raise InvalidInputError(f"hiding scheme: must be an object with the keys {sorted(_KEYS)}")
        layers = tuple(_layer(each) for each in _list(value["layers"], "layers", MAX_LAYERS))
        gamma = tuple(
            hex_float(each, "a gamma of a hiding scheme") for each in _list(value["gamma"], "gamma", MAX_OUTPUTS)
        )
        groups = tuple(_list(value["groups"], "groups", MAX_OUTPUTS))
        return cls(tuple(_list(value["input"], "input", 3)), layers, groups, gamma)


def scheme_described(data: bytes) -> HidingScheme:
    """The scheme of a network that its owner describes in JSON, as a manifest has it, or without groups and gamma.

    Without these each output is a group of its own, whose direction is 1: fewer groups would show differences of
    outputs as they are, and a single output's direction says nothing.

    Raises:
        InvalidInputError: it is none, has one of the two alone, or more outputs than there may be groups.
    """
    what = "the description of a network"
    found = require_fields(bounded_json(data, what, MAX_DESCRIPTION), what, ("input", "layers"), ("gamma", "groups"))
    if "gamma" in found or "groups" in found:
        return HidingScheme.from_json(dict(found))
    layers = tuple(_layer(each) for each in _list(found["layers"], "layers", MAX_LAYERS))
    outputs = layers[-1].outputs if layers else 0
    if outputs > MAX_GROUPS:
        raise InvalidInputError(
            f"there are {outputs} outputs, and at most {MAX_GROUPS} groups may be: say which outputs share one "
            "(groups, and a gamma for each output)"
        )
    sides = tuple(_list(found["input"], "input", 3))
    return HidingScheme(sides, layers, tuple(range(outputs)), (1.0,) * outputs)


def require_hiding_terms(terms: NewTask) -> None:
    """Raise unless a task's terms keep hidden what a hidden model hides, and say nothing that means nothing there.

    Raises:
        InvalidInputError: sums are public, which together with two views give the model away, or gradients are graded,
            which says nothing of vectors that noise fills (``docs/model-privacy.md``).
    """
    if not terms.sums_private:
        raise InvalidInputError(
            "sums that are public give a hidden model away; make them private, with a key for sums (--sum-key)"
        )
    if terms.grading is not None:
        raise InvalidInputError(
            "grades say nothing of what owners hand in for a hidden model; take a policy that does not grade"
        )


def _is_count(value: object, low: int, high: int) -> bool:
    """Whether it is an integer, no truth value, in a range."""
    return type(value) is int and low <= value <= high


def _list(value: object, name: str, most: int) -> Sequence[int]:
    """A list of bounded length; what its elements are is checked where they are taken."""
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInputError(f"hiding scheme: {name} must be a list of at most {most}")
    return value


def _layer(value: object) -> Layer:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str) or kind not in _FIELDS:
        raise InvalidInputError(f"hiding scheme: a layer must be an object with a kind, one of {list(_FIELDS)}")
    if set(value) != {"kind", *_FIELDS[kind]}:
        raise InvalidInputError(f"hiding scheme: a {kind} layer has the keys kind, {', '.join(_FIELDS[kind])}")
    return Layer(**value)
