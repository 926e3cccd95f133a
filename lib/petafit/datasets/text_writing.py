"""Composition of texts: words drawn from a vocabulary, with typing errors and capitals."""

import numpy as np
import pyarrow as pa

from petafit.datasets.text_model import Vocabulary

_COMMON = 0.3
_OWN = 0.15
_TYPOS = 0.015
_CAPITALS = 0.2
_CASE = ord("a") - ord("A")


def draw_words(
    rng: np.random.Generator, vocabulary: Vocabulary, classes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one word for each of these classes.

    Returns
    -------
    pieces : ndarray of int32, shape (n_words, 2)
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
    pieces = np.empty((n_words, 2), np.int32)
    pieces[:, 0] = np.select([is_common, is_own], [common, own], stems)
    pieces[:, 1] = np.where(is_common, vocabulary.bare, endings)
    return pieces, is_common


def write(
    rng: np.random.Generator, vocabulary: Vocabulary, pieces: np.ndarray, words: np.ndarray
) -> pa.StringArray:
    """Return the texts composed of some words.

    Parameters
    ----------
    pieces : ndarray of int32, shape (n_words, 2)
        Of all texts, one after the other; a space is put behind each word but the last of a text.
    words : ndarray of int, shape (n_texts,)
        Number of words of each text, at least 1.
    """
    stops = np.cumsum(words)
    spaced = pieces + np.array([0, vocabulary.space], np.int32)
    spaced[stops - 1] = pieces[stops - 1]
    _, offsets, content = vocabulary.pieces.take(pa.array(spaced.ravel())).buffers()
    starts = np.frombuffer(offsets, np.int32)[: 2 * len(pieces) + 1 : 2]
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
