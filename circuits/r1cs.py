"""Rank-1 constraint systems whose witness can be computed on secret shares.

A circuit is written once in Python and compiled to sparse matrices A, B, C over the scalar field;
an assignment z satisfies it when (A z) o (B z) = C z. Wires are laid out as

    [ 1 | public inputs | committed block | private wires ]

Private wires are either *inputs* (values that come with the statement) or *products* of two linear
combinations. Each wire is `PUBLIC` (every prover knows its value) or `SHARED` (every prover holds a
Shamir share). A product of two shared values would need a round of communication, so `product` refuses
it: what compiles is, by construction, linear in the shared inputs with public coefficients, and
`Circuit.assign` therefore computes plain witnesses and shares of witnesses with the same code.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import numpy.typing as npt

import native
from circuits.errors import AssignmentError, CircuitError
from circuits.hashing import keccak, tag, words
from native import FrArray

U32Array = npt.NDArray[np.uint32]
IndexArray = npt.NDArray[np.intp]


class Visibility(Enum):
    """Who knows the value of a wire while provers work on shares."""

    PUBLIC = "public"
    SHARED = "shared"


class LinearCombination:
    """A sum of wires with coefficients in the scalar field; immutable. Wire 0 carries the constant 1."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[int, int]) -> None:
        self.terms = {wire: reduced for wire, value in terms.items() if (reduced := value % native.R)}

    @classmethod
    def constant(cls, value: int) -> LinearCombination:
        return cls({0: value})

    def __add__(self, other: LinearCombination | int) -> LinearCombination:
        return total([(self, 1), (_as_combination(other), 1)])

    __radd__ = __add__

    def __sub__(self, other: LinearCombination | int) -> LinearCombination:
        return total([(self, 1), (_as_combination(other), -1)])

    def __rsub__(self, other: int) -> LinearCombination:
        return _as_combination(other) - self

    def __neg__(self) -> LinearCombination:
        return self * -1

    def __mul__(self, factor: int) -> LinearCombination:
        return LinearCombination({wire: value * factor for wire, value in self.terms.items()})

    __rmul__ = __mul__


class Variable(LinearCombination):
    """One wire, usable wherever a linear combination is."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        super().__init__({index: 1})
        self.index = index


ONE = Variable(0)


def total(parts: Iterable[tuple[LinearCombination, int]]) -> LinearCombination:
    """The sum of coefficient * combination over `parts`, in one pass."""
    terms: dict[int, int] = {}
    for combination, factor in parts:
        for wire, value in combination.terms.items():
            terms[wire] = terms.get(wire, 0) + value * factor
    return LinearCombination(terms)


def _require(declared: Container[int], *values: LinearCombination) -> None:
    strange = sorted({wire for value in values for wire in value.terms if wire not in declared})
    if strange:
        raise CircuitError(f"a constraint has wires {strange} that its system does not declare")


def _moved(value: LinearCombination, wires: Mapping[int, LinearCombination]) -> LinearCombination:
    _require(wires, value)
    return total((wires[wire], coefficient) for wire, coefficient in value.terms.items())


def _as_combination(value: LinearCombination | int) -> LinearCombination:
    return value if isinstance(value, LinearCombination) else LinearCombination.constant(value)


@dataclass(frozen=True)
class _Product:
    """The recipe of a product wire: wire = left * right."""

    wire: int
    left: LinearCombination
    right: LinearCombination


class ConstraintSystem:
    """Collects wires and constraints; `compile` freezes them into a `Circuit`.

    Wires must be declared in layout order (public inputs, committed block, the rest); a declaration that
    comes too late raises `CircuitError`.
    """

    def __init__(self) -> None:
        self._levels: list[int | None] = [None]  # None: public; otherwise rounds after the shared inputs
        self._public_end = 1
        self._committed_end = 1
        self._inputs: list[int] = []
        self._products: list[_Product] = []
        self._constraints: list[tuple[LinearCombination, LinearCombination, LinearCombination]] = []
        self._product_at: dict[int, _Product] = {}  # by the constraint that defines it

    def public_inputs(self, count: int) -> list[Variable]:
        """Declares `count` public inputs."""
        if len(self._levels) != self._public_end:
            raise CircuitError("public inputs come before every other wire; declare them first")
        wires = self._new_wires(count, None)
        self._public_end = self._committed_end = len(self._levels)
        return wires

    def committed_block(self, count: int) -> list[Variable]:
        """Declares the block of shared wires that the proof commits to (one per circuit)."""
        if len(self._levels) != self._public_end or self._committed_end != self._public_end:
            raise CircuitError("there is one committed block and it follows the public inputs directly")
        wires = self._new_wires(count, 0)
        self._committed_end = len(self._levels)
        return wires

    def shared_inputs(self, count: int) -> list[Variable]:
        """Declares private wires whose values the caller supplies, in order of declaration."""
        wires = self._new_wires(count, 0)
        self._inputs.extend(wire.index for wire in wires)
        return wires

    def product(self, left: LinearCombination | int, right: LinearCombination | int) -> Variable:
        """A new private wire constrained to left * right.

        Raises:
            CircuitError: both factors depend on shared wires, so no prover could compute a share alone.
        """
        factors = _as_combination(left), _as_combination(right)
        levels = [self._level(factor) for factor in factors]
        if None not in levels:
            raise CircuitError("a product of two shared values cannot be assigned on shares; use enforce")
        shared = [level for level in levels if level is not None]
        (wire,) = self._new_wires(1, shared[0] + 1 if shared else None)
        self._products.append(_Product(wire.index, *factors))
        self._product_at[len(self._constraints)] = self._products[-1]
        self.enforce(*factors, wire)
        return wire

    def enforce(self, a: LinearCombination | int, b: LinearCombination | int, c: LinearCombination | int) -> None:
        """Adds the constraint a * b = c."""
        self._constraints.append((_as_combination(a), _as_combination(b), _as_combination(c)))

    def require_own_wires(self) -> None:
        """Raise CircuitError for a constraint with a wire that is not declared here."""
        for row in self._constraints:
            _require(range(len(self._levels)), *row)

    def repeat_in(self, other: ConstraintSystem, wires: Mapping[int, LinearCombination]) -> None:
        """Make this system's products and constraints again in another one, in the same order.

        Args:
            wires: what stands there for each wire that is declared here, by index; the constant stands for itself.

        Raises:
            CircuitError: `other` refuses one.
        """
        known: dict[int, LinearCombination] = {0: ONE, **wires}
        for number, (a, b, c) in enumerate(self._constraints):
            product = self._product_at.get(number)
            if product is None:
                other.enforce(_moved(a, known), _moved(b, known), _moved(c, known))
            else:
                known[product.wire] = other.product(_moved(product.left, known), _moved(product.right, known))

    def visibility(self, value: LinearCombination) -> Visibility:
        """`SHARED` when any wire of the combination is shared."""
        return Visibility.PUBLIC if self._level(value) is None else Visibility.SHARED

    def compile(self) -> Circuit:
        """Freezes the system. The same calls in the same order give the same matrices and digest."""
        if not self._constraints:
            raise CircuitError("the circuit has no constraint; enforce at least one")
        size = len(self._levels)
        matrices = [SparseMatrix.build([row[side] for row in self._constraints], size) for side in range(3)]
        public = tuple(p for p in self._products if self._levels[p.wire] is None)
        return Circuit(
            public_count=self._public_end,
            committed_count=self._committed_end - self._public_end,
            wire_count=size,
            input_wires=np.array(self._inputs, dtype=np.intp),
            a=matrices[0],
            b=matrices[1],
            c=matrices[2],
            public_products=public,
            shared_layers=tuple(self._layers(size)),
        )

    def _layers(self, size: int) -> Iterable[_Layer]:
        grouped: dict[int, list[_Product]] = {}
        for product in self._products:
            level = self._levels[product.wire]
            if level is not None:
                grouped.setdefault(level, []).append(product)
        for level in sorted(grouped):
            products = grouped[level]
            yield _Layer(
                wires=np.array([p.wire for p in products], dtype=np.intp),
                left=SparseMatrix.build([p.left for p in products], size),
                right=SparseMatrix.build([p.right for p in products], size),
            )

    def _new_wires(self, count: int, level: int | None) -> list[Variable]:
        start = len(self._levels)
        self._levels.extend([level] * count)
        return [Variable(index) for index in range(start, start + count)]

    def _level(self, value: LinearCombination) -> int | None:
        return max((level for w in value.terms if (level := self._levels[w]) is not None), default=None)


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """Compressed sparse rows over the scalar field; columns ascend inside a row, no stored zero."""

    row_ptr: U32Array
    col: U32Array
    coeff: FrArray
    n_cols: int

    @classmethod
    def build(cls, rows: Sequence[LinearCombination], n_cols: int) -> SparseMatrix:
        entries = [sorted(row.terms.items()) for row in rows]
        row_ptr = np.zeros(len(rows) + 1, dtype=np.uint32)
        row_ptr[1:] = np.cumsum([len(entry) for entry in entries])
        col = np.array([wire for entry in entries for wire, _ in entry], dtype=np.uint32)
        coeff = native.from_ints([value for entry in entries for _, value in entry])
        return cls(row_ptr, col, coeff, n_cols)

    @cached_property
    def csr(self) -> native.Csr:
        return native.Csr(len(self.row_ptr) - 1, self.n_cols, self.row_ptr, self.col, self.coeff)

    @cached_property
    def support(self) -> IndexArray:
        """Columns that hold a nonzero, ascending."""
        return np.unique(self.col).astype(np.intp)

    def canonical_bytes(self) -> bytes:
        """Entry count, row pointers (u32 LE), columns (u32 LE), coefficients (32 bytes LE)."""
        return b"".join(
            (
                words(len(self.col)),
                self.row_ptr.astype("<u4").tobytes(),
                self.col.astype("<u4").tobytes(),
                self.coeff.astype("<u8").tobytes(),
            )
        )


@dataclass(frozen=True, eq=False)
class _Layer:
    """Product wires that depend only on earlier layers, evaluated together."""

    wires: IndexArray
    left: SparseMatrix
    right: SparseMatrix


@dataclass(frozen=True, eq=False)
class Circuit:
    """A compiled constraint system. `public_count` includes the constant wire."""

    public_count: int
    committed_count: int
    wire_count: int
    input_wires: IndexArray
    a: SparseMatrix
    b: SparseMatrix
    c: SparseMatrix
    public_products: tuple[_Product, ...]
    shared_layers: tuple[_Layer, ...]

    @property
    def constraint_count(self) -> int:
        return len(self.a.row_ptr) - 1

    @property
    def private_start(self) -> int:
        """Index of the first wire behind the committed block."""
        return self.public_count + self.committed_count

    @cached_property
    def domain_size(self) -> int:
        """Least power of two that holds the constraints (at least 2)."""
        return max(2, 1 << (self.constraint_count - 1).bit_length())

    @cached_property
    def digest(self) -> bytes:
        """keccak256 of the dimensions and the three matrices: the identity of the circuit."""
        head = words(
            tag("gradroll/v1/circuit"),
            self.constraint_count,
            self.wire_count,
            self.public_count,
            self.committed_count,
        )
        return keccak(head + b"".join(m.canonical_bytes() for m in (self.a, self.b, self.c)))

    def assign(self, public: Sequence[int], committed: FrArray, inputs: FrArray) -> FrArray:
        """The full wire vector, shape (wire_count, 4); linear in `committed` and `inputs` together.

        Given one prover's shares of the committed block and the inputs, the result is that prover's share
        of the wire vector (public wires are shares of themselves). The constraints are not checked here.

        Args:
            public: values of the public inputs, without the leading 1, in [0, r).
            committed: shape (committed_count, 4).
            inputs: shape (number of shared inputs, 4).

        Raises:
            AssignmentError: a count does not match the circuit or a public value is not canonical.
        """
        self._check_inputs(public, committed, inputs)
        known = {0: 1} | dict(enumerate(public, start=1))
        for product in self.public_products:
            known[product.wire] = _evaluate(product.left, known) * _evaluate(product.right, known) % native.R
        z = native.zeros(self.wire_count)
        z[np.fromiter(known, dtype=np.intp)] = native.from_ints(list(known.values()))
        z[self.public_count : self.private_start] = committed
        z[self.input_wires] = inputs
        for layer in self.shared_layers:
            z[layer.wires] = native.mul(layer.left.csr.mul(z), layer.right.csr.mul(z))
        return z

    def is_satisfied(self, z: FrArray) -> bool:
        """Whether a plain assignment meets every constraint (meaningless on one share)."""
        return not np.any(self.defects(z))

    def defects(self, z: FrArray) -> FrArray:
        """(A z) o (B z) - C z, (constraint_count, 4): zero where a constraint holds; shares of 2t from shares of t."""
        return native.sub(native.mul(self.a.csr.mul(z), self.b.csr.mul(z)), self.c.csr.mul(z))

    def _check_inputs(self, public: Sequence[int], committed: FrArray, inputs: FrArray) -> None:
        expected = (self.public_count - 1, (self.committed_count, 4), (len(self.input_wires), 4))
        actual = (len(public), committed.shape, inputs.shape)
        if actual != expected:
            raise AssignmentError(f"public inputs, committed block, inputs are {actual}, expected {expected}")
        if not all(0 <= value < native.R for value in public):
            raise AssignmentError("a public input is outside [0, r); reduce it where it is computed")


def _evaluate(value: LinearCombination, known: dict[int, int]) -> int:
    return sum(coefficient * known[wire] for wire, coefficient in value.terms.items()) % native.R
