"""A model of users' preferences for items, computed from their factors without Spark."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from petafit.config.settings import Contract
from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoding.stored import reading
from petafit.learners.mllib.factors import PreferenceFactors
from petafit.learners.mllib.recommenders import id_columns
from petafit.models.callers_rows import Data, as_batch
from petafit.models.predictor import Predictor
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict
from petafit.table.contract import Checks, compile_checks

_COLUMN = "prediction"
_PLACE = "place"


class RecommenderModel(Predictor):
    """A recommender of MLlib's.

    Attributes
    ----------
    factors : PreferenceFactors
    id_columns : tuple of str
        The columns of users and of items.
    """

    factors: PreferenceFactors
    id_columns: tuple[str, str]
    no_prediction = "its user or its item was not in the training rows"

    @classmethod
    def of(cls, signature: Signature, factors: PreferenceFactors) -> Self:
        """Return the model of some inputs and outputs that has these factors."""
        own = (signature.encoder, signature.choice, signature.schema)
        model = cls(*own, signature.requirement, signature.stages)
        model.factors = factors
        model.id_columns = id_columns(signature.choice)
        if set(model.id_columns) - set(signature.schema.names):
            raise StorageError(
                "A stored model has no columns of its users and items",
                expected=model.id_columns,
                got=signature.schema.names,
                hint="Copy the model again, or train it again.",
            )
        return model

    @cached_property
    def checks(self) -> Checks:
        """Checks that a row must pass before it is predicted: it has a user and an item."""
        return compile_checks(Contract(), self.schema, required=self.id_columns)

    def predict(self, data: Data) -> np.ndarray:
        """Predict the rating of every row, or the preference where the label counts.

        Parameters
        ----------
        data : DataFrame, Table or RecordBatch
            The columns of users and items, whatever the case of their names' letters; others are
            ignored.

        Returns
        -------
        ndarray of shape (n_rows,)
            NaN for users and items that were not in the training rows.

        Raises
        ------
        ContractError
            A column is missing, has another type or a null.
        """
        return self.predict_batch(self._checked(data))

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        return self.factors.preferences(*self.positions(batch))

    def positions(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the rows' users and items, -1 where they are unknown."""
        users, items = map(batch.column, self.id_columns)
        return self.factors.positions(users, items)

    def recommend(self, users: Sequence[Any] | pd.Series | pa.Array, n: int = 10) -> pd.DataFrame:
        """Return the items of the training rows that users prefer, the best first.

        All items are compared, those that a user has already rated among them, in blocks of bounded
        memory. Of equally preferred ones those with lower ids come first.

        Parameters
        ----------
        users : sequence, Series or Array
            Ids. Those that were not in the training rows get no items.
        n : int
            The number of items for each user.

        Returns
        -------
        DataFrame
            The columns of users and items, ``place`` from 1 on, and ``prediction``.

        Raises
        ------
        ConfigurationError
            `n` is below 1.
        ContractError
            The ids have another type than those of the training rows.
        """
        if n < 1:
            raise ConfigurationError("There are no items to recommend", expected="n: 1 or more")
        user, item = self.id_columns
        schema = pa.schema([self.schema.field(user)])
        asked = as_batch(pd.DataFrame({user: _as_series(users)}), schema).column(0)
        found = self.factors.users.positions(asked)
        known = found[found >= 0]
        items, preferences = self.factors.best_items(known, n)
        of_each = items.shape[1]
        columns = {
            user: self.factors.users.as_column(np.repeat(known, of_each)).to_pandas(),
            item: self.factors.items.as_column(items.ravel()).to_pandas(),
            _PLACE: np.tile(np.arange(1, of_each + 1), len(known)),
            _COLUMN: preferences.ravel().astype(np.float64),
        }
        return pd.DataFrame(columns)

    def to_state_dict(self) -> StateDict:
        return super().to_state_dict() | self.factors.to_state_dict().prefixed("factors")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        with reading("The factors of a stored model"):
            factors = PreferenceFactors.from_state_dict(named.part("factors"))
        return cls.of(Signature.from_state_dict(named), factors)


def _as_series(users: Any) -> pd.Series:
    return users.to_pandas() if isinstance(users, pa.Array | pa.ChunkedArray) else pd.Series(users)
