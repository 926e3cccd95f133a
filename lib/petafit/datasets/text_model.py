"""The hidden languages behind the generated texts: one for each class, akin in families.

A word is two morphemes, a stem and an ending. The stems of a family are made of its own sounds;
each of its classes prefers others among them, and has some of its own. Some classes of a family
share endings. Texts are words drawn from the vocabulary, with typing errors and capitals.
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
_COMMON = 0.3
_OWN = 0.15
_TYPOS = 0.015
_CAPITALS = 0.2
_CASE = ord("a") - ord("A")


@dataclass(frozen=True)
class Vocabulary:
    """All stems and endings, and the classes that use them.

    Attributes
    ----------
    morphemes : pyarrow.StringArray
        Stems, then endings, then the same endings with a space behind them.
    stems : ndarray of int32, shape (classes, FAMILY_STEMS)
        Positions in `morphemes` of the family's stems, by their popularity in the class.
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

    morphemes: pa.StringArray
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
        morphemes=pa.array([*stems, *all_endings, *(f"{ending} " for ending in all_endings)]),
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


def draw_words(
    rng: np.random.Generator, vocabulary: Vocabulary, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one word for each of these classes.

    Returns
    -------
    morphemes : ndarray of int32, shape (n_words, 2)
        Stem and ending, as positions in the vocabulary.
    is_common : ndarray of bool, shape (n_words,)
        The word is used by all classes.
    """
    n_words = len(classes)
    kind = rng.random(n_words)
    is_common, is_own = kind < _COMMON, kind > 1 - _OWN
    stems = vocabulary.stems[classes, _ranks(rng, n_words, vocabulary.stems.shape[1])]
    own = vocabulary.own[classes, _ranks(rng, n_words, vocabulary.own.shape[1])]
    common = vocabulary.common[_ranks(rng, n_words, len(vocabulary.common))]
    endings = vocabulary.endings[classes, _ranks(rng, n_words, vocabulary.endings.shape[1])]
    morphemes = np.empty((n_words, 2), np.int32)
    morphemes[:, 0] = np.select([is_common, is_own], [common, own], stems)
    morphemes[:, 1] = np.where(is_common, vocabulary.bare, endings)
    return morphemes, is_common


def write(
    rng: np.random.Generator, vocabulary: Vocabulary, morphemes: np.ndarray, words: np.ndarray
) -> pa.StringArray:
    """Return the texts composed of some words.

    Parameters
    ----------
    morphemes : ndarray of int32, shape (n_words, 2)
        Of all texts, one after the other; a space is put behind each word but the last of a text.
    words : ndarray of int, shape (n_texts,)
        Number of words of each text, at least 1.
    """
    stops = np.cumsum(words)
    spaced = morphemes + np.array([0, vocabulary.space], np.int32)
    spaced[stops - 1] = morphemes[stops - 1]
    _, offsets, content = vocabulary.morphemes.take(pa.array(spaced.ravel())).buffers()
    starts = np.frombuffer(offsets, np.int32)[: 2 * len(morphemes) + 1 : 2]
    letters = np.frombuffer(content, np.uint8)[: starts[-1]].copy()
    _mistype(rng, letters)
    _capitalise(rng, letters, starts[:-1])
    borders = starts[np.concatenate([[0], stops])]
    return pa.StringArray.from_buffers(len(words), pa.py_buffer(borders), pa.py_buffer(letters))


def _ranks(rng: np.random.Generator, size: int, distinct: int) -> np.ndarray:
    """Draw ranks of popularity from 0, (size,) int64, by Zipf's law: density 1 / (rank + 1)."""
    ranks = np.exp(rng.random(size) * np.log(distinct + 1)).astype(np.int64) - 1
    return np.asarray(np.minimum(ranks, distinct - 1))


def _mistype(rng: np.random.Generator, letters: np.ndarray) -> None:
    """Replace some letters of a to z by others."""
    places = rng.integers(0, len(letters), rng.poisson(_TYPOS * len(letters)))
    wrong = rng.integers(ord("a"), ord("z"), len(places), np.uint8, endpoint=True)
    is_letter = _is_letter(letters[places])
    letters[places[is_letter]] = wrong[is_letter]


def _capitalise(rng: np.random.Generator, letters: np.ndarray, starts: np.ndarray) -> None:
    """Begin some words with a capital, where they begin with a to z."""
    chosen = starts[rng.random(len(starts)) < _CAPITALS]
    letters[chosen[_is_letter(letters[chosen])]] -= _CASE


def _is_letter(letters: np.ndarray) -> np.ndarray:
    return (letters >= ord("a")) & (letters <= ord("z"))
