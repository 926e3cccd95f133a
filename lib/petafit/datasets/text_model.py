"""The hidden languages behind the generated texts: one for each class, akin in families.

A word is a stem and an ending. The stems of a family are made of its own sounds; each of its
classes prefers others among them, and has some of its own. Some classes of a family share endings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

FAMILY_SIZE = 5
FAMILY_STEMS = 300
OWN_STEMS = 60
COMMON_STEMS = 150
NUMBERS = 1000
ENDINGS = 4

_CONSONANTS = [*"bcdfghjklmnprstvwz"]
_RARE_CONSONANTS = ["ch", "sh", "th", "tr", "st", "pl", "gr", "qu", "sk", "br", "kl"]
_VOWELS = [*"aeiou"]
_RARE_VOWELS = ["y", "ai", "ee", "ie", "ou", "oo", "ea", "ä", "é", "ø"]
_ENDING_SOUNDS = [*"nrstlmdk", "ng", "st", "nt", ""]
_FAMILY_ENDINGS = 8


@dataclass(frozen=True)
class Vocabulary:
    """All stems and endings, and the classes that use them.

    Attributes
    ----------
    pieces : pyarrow.StringArray
        Stems, then endings, then the same endings with a space behind them.
    stems : ndarray of int32, shape (classes, FAMILY_STEMS)
        Positions in `pieces` of the family's stems, by their popularity in the class.
    own : ndarray of int32, shape (classes, OWN_STEMS)
        Positions of the class's own stems, by popularity.
    common : ndarray of int32, shape (COMMON_STEMS + NUMBERS,)
        Positions of the stems that all classes use.
    endings : ndarray of int32, shape (classes, ENDINGS)
        Positions of the class's endings, by popularity.
    bare : int
        The position of the ending of no letters.
    space : int
        Offset from an ending to the same ending with a space.
    """

    pieces: pa.StringArray
    stems: np.ndarray
    own: np.ndarray
    common: np.ndarray
    endings: np.ndarray
    bare: int
    space: int


@lru_cache(maxsize=4)
def vocabulary(classes: int, seed: int) -> Vocabulary:
    """Return the vocabulary of a seed; class c belongs to family ``c % families_of(classes)``."""
    rng = np.random.default_rng([seed, classes])
    families = families_of(classes)
    sounds = [_Sounds.drawn(rng) for _ in range(families)]
    stems: list[str] = []

    def added(texts: Sequence[str]) -> np.ndarray:
        stems.extend(texts)
        return np.arange(len(stems) - len(texts), len(stems), dtype=np.int32)

    common = added([*_Sounds.drawn(rng).words(rng, COMMON_STEMS), *map(str, range(NUMBERS))])
    of_family = [added(sound.words(rng, FAMILY_STEMS)) for sound in sounds]
    own = [added(sounds[c % families].words(rng, OWN_STEMS)) for c in range(classes)]
    endings = [sound.endings(rng) for sound in sounds]
    bare = len(stems)
    of_class = [
        bare + 1 + _FAMILY_ENDINGS * (c % families) + rng.permutation(_FAMILY_ENDINGS)[:ENDINGS]
        for c in range(classes)
    ]
    all_endings = ["", *(ending for family in endings for ending in family)]
    return Vocabulary(
        pieces=pa.array([*stems, *all_endings, *(f"{ending} " for ending in all_endings)]),
        stems=np.stack([rng.permutation(of_family[c % families]) for c in range(classes)]),
        own=np.stack(own),
        common=common,
        endings=np.stack(of_class).astype(np.int32),
        bare=bare,
        space=len(all_endings),
    )


def families_of(classes: int) -> int:
    """Return the number of families for some classes."""
    return -(-classes // FAMILY_SIZE)


@dataclass(frozen=True)
class _Sounds:
    """The sounds of a family's words."""

    consonants: np.ndarray
    vowels: np.ndarray

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "_Sounds":
        consonants = [*rng.permutation(_CONSONANTS)[:10], *rng.permutation(_RARE_CONSONANTS)[:2]]
        vowels = [*rng.permutation(_VOWELS)[:4], rng.choice(_RARE_VOWELS)]
        return cls(np.array(consonants), np.array(vowels))

    def words(self, rng: np.random.Generator, number: int) -> list[str]:
        """Return words of one to three syllables, possibly repeated."""
        return [
            "".join(self._syllable(rng) for _ in range(size))
            for size in rng.choice([1, 2, 3], number, p=[0.35, 0.5, 0.15])
        ]

    def endings(self, rng: np.random.Generator) -> list[str]:
        return [
            str(rng.choice(self.vowels)) + str(rng.choice(_ENDING_SOUNDS))
            for _ in range(_FAMILY_ENDINGS)
        ]

    def _syllable(self, rng: np.random.Generator) -> str:
        closing = str(rng.choice(self.consonants)) if rng.random() < 0.3 else ""
        return str(rng.choice(self.consonants)) + str(rng.choice(self.vowels)) + closing
