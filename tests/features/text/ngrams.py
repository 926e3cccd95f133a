"""Text features by Python's strings: the reference for the kernels."""

import math
import re
from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.feature import Text
from petafit.features.text.hashing import SEPARATORS

WORD = re.compile("[^" + "".join(rf"\U{a:08x}-\U{b:08x}" for a, b in SEPARATORS) + "]+")


def n_grams(feature: Text, text: str | None) -> list[str]:
    """All n-grams of a text."""
    text = text or ""
    if feature.lowercase:
        text = pc.utf8_lower(pa.scalar(text)).as_py()
    parts, glue = (WORD.findall(text), " ") if feature.analyzer == "word" else ([*text], "")
    low, high = feature.ngrams
    return [
        glue.join(parts[start : start + size])
        for size in range(low, high + 1)
        for start in range(len(parts) - size + 1)
    ]


def l2(counts: Counter[str] | Counter[int]) -> float:
    """The Euclidean length of some counts."""
    return math.sqrt(sum(count**2 for count in counts.values()))
