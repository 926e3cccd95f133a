"""Text features of a batch: n-gram counts directly from Arrow's buffers."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.features.encoding.categorical import NULL, coded
from petafit.features.encoding.hashing import buffers_of, bytes_of, index_mask
from petafit.features.encoding.pool import pooled
from petafit.features.encoding.ragged import Ragged, gathered
from petafit.features.feature import Categorical, Feature, Text
from petafit.features.text.kernels import count_grams
from petafit.features.unicode_form import normalized, not_utf8


class TextBlock:
    """Counts of n-grams; within a feature and row, each index occurs once.

    Parameters
    ----------
    features : sequence of Feature
        Only text features are used.
    hash_bits : int
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized first.
    """

    def __init__(
        self, features: Sequence[Feature], hash_bits: int, form: UnicodeForm | None = None
    ) -> None:
        self._features = [feature for feature in features if isinstance(feature, Text)]
        self._mask = index_mask(hash_bits)
        self._form = form

    def encode(self, batch: pa.RecordBatch) -> Ragged | None:
        """Return the n-grams of all text features, by feature within a row; None without any.

        Null and empty texts have no n-grams.

        Raises
        ------
        ContractError
            A text is not UTF-8.
        """
        if not self._features:
            return None
        sources = dict.fromkeys((f.column, f.lowercase) for f in self._features)
        found = {source: self._texts(batch.column(source[0]), *source) for source in sources}
        parts = []
        for feature in self._features:
            codes, texts = found[feature.column, feature.lowercase]
            parts.append((self._counted(feature, texts), codes))
        counted, rows = parts[0]
        if len(parts) == 1 and np.array_equal(rows, np.arange(len(counted.offsets) - 1)):
            return counted
        return gathered(parts)

    def _counted(self, feature: Text, texts: pa.StringArray) -> Ragged:
        """Count the n-grams of each text."""
        shortest, longest = feature.ngrams
        offsets, content = buffers_of(texts)
        most = int(offsets[-1] - offsets[0]) * (longest - shortest + 1)
        ends = np.empty(len(texts) + 1, np.int64)
        indices, values = pooled(most, np.int32), pooled(most, np.float32)
        count_grams(
            bytes_of(f"{feature.name}="),
            offsets,
            content,
            feature.analyzer == "word",
            shortest,
            longest,
            self._mask,
            feature.norm == "l2",
            ends,
            indices,
            values,
        )
        return Ragged(ends, indices[: ends[-1]], values[: ends[-1]])

    def _texts(
        self, column: pa.Array, name: str, lowercase: bool
    ) -> tuple[np.ndarray, pa.StringArray]:
        """Return each row's position in the texts, `NULL` for none, and the texts.

        A batch's dictionary may hold the texts of many other batches: only the used ones are kept,
        and each text is tokenised and counted once a batch.
        """
        found = coded(Categorical(name), column)
        codes, texts = found.indices, found.dictionary
        if len(texts) > len(codes):
            used = codes.dictionary_encode()
            codes, texts = used.indices, texts.take(used.dictionary)
        if self._form:
            texts = normalized(texts, self._form, name)
        return codes.fill_null(NULL).to_numpy(), _lowered(texts, name) if lowercase else texts


def _lowered(texts: pa.StringArray, name: str) -> pa.StringArray:
    try:
        return pc.utf8_lower(texts)
    except pa.ArrowInvalid as error:
        raise not_utf8(name) from error
