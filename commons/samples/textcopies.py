"""Near copies among texts: two that are near share one of their rarest words.

Source: prefix filtering, of Chaudhuri, Ganti and Kaushik 2006 ("A primitive operator for similarity joins in data
cleaning").  Of a text of m words, at least m - tau stand in every text at distance tau; so of any tau + 1 of its words
one does, and the rarest ones have the fewest candidates.  The same holds the other way round, and with one order of all
words the two share one of the tau + 1 that come first in each.  Each repetition of a word counts as a word of its own.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from commons.samples.sampledistances import words_of
from commons.samples.sampleschemas import SampleSchema

__all__ = ["text_copies"]

_Token = tuple[bytes, int]
"""A word, and how often it stands before in the same text."""
_SHORT: _Token = (b"", 0)
"""In all texts of at most tau words, which may be near without a common word.  No word is empty."""


def text_copies(
    schema: SampleSchema, samples: Sequence[bytes], searched: range, originals: int | None, spend: Callable[[int], None]
) -> Iterator[tuple[int, int, int]]:
    """An (index, earlier index, distance) of each sample in ``searched`` that is near to an earlier one.

    Args:
        samples: that fit the schema.
        originals: only so many samples are originals; None: all.
        spend: is told how many pairs are compared next, and may refuse.
    """
    texts = [_Text.of(sample) for sample in samples]
    frequency: Counter[bytes] = Counter(word for text in texts for word in text.words)
    holders: defaultdict[_Token, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        prefix = _prefix(text.words, frequency, schema.tau)
        if index in searched:
            for other in _once(other for token in prefix for other in holders[token]):
                spend(1)
                if (text.parity ^ texts[other].parity).bit_count() > schema.tau:
                    continue
                distance = text.distance(texts[other])
                if distance <= schema.tau:
                    yield index, other, distance
                    break
        for token in prefix if originals is None or index < originals else ():
            holders[token].append(index)


def _once(numbers: Iterable[int]) -> Iterator[int]:
    """Each number where it first comes."""
    seen: set[int] = set()
    for number in numbers:
        if number not in seen:
            seen.add(number)
            yield number


@dataclass(frozen=True, slots=True)
class _Text:
    """A text's words.

    Attributes:
        parity: a bit for each of 256 sorts of words, 1 where an odd number of words is of the sort.  Each word that one
            text has and another has not moves one bit, so parities of texts differ in no more bits than the distance.
    """

    words: Counter[bytes]
    parity: int

    @classmethod
    def of(cls, sample: bytes) -> _Text:
        words, parity = words_of(sample), 0
        for word, count in words.items():
            parity ^= (count & 1) << (zlib.crc32(word) & 0xFF)
        return cls(words, parity)

    def distance(self, other: _Text) -> int:
        """Words that one of both has and the other has not."""
        shared = sum(min(count, other.words[word]) for word, count in self.words.items() if word in other.words)
        return self.words.total() + other.words.total() - 2 * shared


def _prefix(words: Counter[bytes], frequency: Counter[bytes], tau: int) -> list[_Token]:
    """The tau + 1 rarest words of a text."""
    tokens: list[_Token] = []
    for word in sorted(words, key=lambda each: (frequency[each], each)):
        tokens += [(word, number) for number in range(min(words[word], tau + 1 - len(tokens)))]
        if len(tokens) == tau + 1:
            return tokens
    return [*tokens, _SHORT]
