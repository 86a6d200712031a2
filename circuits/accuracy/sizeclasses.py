"""Size classes: the shapes of model and data chunk that circuits of accuracy proofs are made for.

A smaller network fits a larger class: its missing inputs and hidden units have zero weights, and each missing class the
least weights, so that it never has a higher score than a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

from circuits.errors import InvalidInputError, KeyMismatchError

MAX_CHUNKS = 16
"""Most chunks of a group: the `capacity` of an accuracy key, and most chunks of one proof."""
MAX_CELLS = 1 << 18
"""Most entries of a chunk, samples times columns, and most hidden values of one."""
MAX_WIDTH = 1 << 10
"""Most inputs, hidden units or classes; with 16-bit features and 12-bit weights all sums stay far below 2^63."""


@dataclass(frozen=True, slots=True)
class SizeClass:
    """A network of one hidden layer with ReLU, and the samples of a data chunk.

    Attributes:
        inputs, hidden, classes: P, H, C.
        samples: n a chunk, a power of two.
        limb_bits: bits of a weight, and of the limbs that ranges are proven by.
        hidden_limbs: limbs of |A|, the value before ReLU.
        margin_limbs: limbs of the distance of a score from the claimed class's.
        first_bias, second_bias: the constant inputs that the biases of the two layers multiply.

    Raises:
        InvalidInputError: a count is out of range.
    """

    name: str
    inputs: int
    hidden: int
    classes: int
    samples: int
    limb_bits: int = 12
    hidden_limbs: int = 2
    margin_limbs: int = 4
    first_bias: int = 1 << 7
    second_bias: int = 1 << 14

    def __post_init__(self) -> None:
        widths = (self.inputs, self.hidden, self.classes)
        sound = all(1 <= width <= MAX_WIDTH for width in widths) and min(self.hidden, self.classes) >= 2
        sound = sound and self.samples >= 2 and self.samples & (self.samples - 1) == 0
        sound = sound and self.samples * max(self.inputs + self.classes, self.hidden) <= MAX_CELLS
        sound = sound and 2 <= self.limb_bits <= 12 and 1 <= self.hidden_limbs <= self.margin_limbs <= 4
        if not sound:
            raise InvalidInputError(f"{self.name!r} cannot be a size class: a count is out of range")

    @property
    def weights(self) -> int:
        """d = (P + 1) H + (H + 1) C: W1 row-major, then W2; the last row of each holds the biases."""
        return self.first_weights + (self.hidden + 1) * self.classes

    @property
    def first_weights(self) -> int:
        """(P + 1) H, the entries of W1."""
        return (self.inputs + 1) * self.hidden

    @property
    def columns(self) -> int:
        """P + C: features, then labels one-hot."""
        return self.inputs + self.classes

    @property
    def table(self) -> int:
        """Entries of the table that limbs are looked up in."""
        return 1 << self.limb_bits

    @property
    def half(self) -> int:
        """Weights lie in [-half, half)."""
        return 1 << (self.limb_bits - 1)

    @property
    def hidden_limit(self) -> int:
        """|A| is below it."""
        return 1 << (self.limb_bits * self.hidden_limbs)

    @property
    def margin_limit(self) -> int:
        """Distances between scores are below it; a claim that is not made adds it to the distance."""
        return 1 << (self.limb_bits * self.margin_limbs - 1)

    @property
    def policy(self) -> str:
        """Name of its circuit, in keys."""
        bits = "" if self.limb_bits == 12 else f"-t{self.limb_bits}"
        return f"accuracy-{self.inputs}-{self.hidden}-{self.classes}-{self.samples}{bits}"


SMALL = SizeClass("small", 64, 32, 10, 128)
MEDIUM = SizeClass("medium", 128, 64, 10, 256)
LARGE = SizeClass("large", 512, 64, 16, 256)
CLASSES = (SMALL, MEDIUM, LARGE)
_CIRCUITS = {
    "4d1c859dfb303638bf61c21bc38e40999b8518b14d3b5b37d102a919451dc122": SMALL,
    "caf0d50d7d8f5bb7fbd65b4774e3cfa09054a669f8782553152693512fb0e37c": MEDIUM,
    "34afbb5049dcc23b576147e74e7874448ba92704d19c8ce544033d00dcbd18ef": LARGE,
}
"""Digests of the classes' circuits; a key on chain has nothing else to tell its class by."""


def size_class(name: str) -> SizeClass:
    """The class of that name.

    Raises:
        InvalidInputError: there is none.
    """
    for known in CLASSES:
        if known.name == name:
            return known
    raise InvalidInputError(f"no size class is called {name!r}; choose one of {', '.join(c.name for c in CLASSES)}")


def class_of_circuit(digest: bytes) -> SizeClass:
    """The class whose circuit has this digest (`VerifyingKey.circuit`), without compiling it.

    Raises:
        KeyMismatchError: none of this release has.
    """
    found = _CIRCUITS.get(digest.hex())
    if found is None:
        raise KeyMismatchError(
            "the key is for no size class of this release; take a verifier of one, or the release that it was made with"
        )
    return found


def known_digest(size: SizeClass) -> bytes | None:
    """The digest of a class's circuit, without compiling it; None for a class that is none of this release."""
    return next((bytes.fromhex(digest) for digest, known in _CIRCUITS.items() if known == size), None)


def smallest_for(inputs: int, hidden: int, classes: int) -> SizeClass:
    """The first class that a network fits.

    Raises:
        InvalidInputError: none is large enough.
    """
    for known in CLASSES:
        if inputs <= known.inputs and hidden <= known.hidden and classes <= known.classes:
            return known
    most = CLASSES[-1]
    raise InvalidInputError(
        f"a network of {inputs} inputs, {hidden} hidden units and {classes} classes fits no size class; the largest "
        f"has {most.inputs}, {most.hidden} and {most.classes}: prove a head on the features of a public backbone"
    )
