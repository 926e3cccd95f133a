"""Models of XGBoost, computed by its own library from raw columns."""

from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.errors import StorageError
from petafit.features.encoding.stored import MALFORMED, reading
from petafit.learners.xgboost.columns import check_tree_features
from petafit.learners.xgboost.matrix import MatrixEncoder
from petafit.learners.xgboost.package import xgboost_package
from petafit.models.callers_rows import Data
from petafit.models.predictor import Predictor
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict


class TreeModel(Predictor):
    """A model of XGBoost.

    Attributes
    ----------
    matrix : MatrixEncoder
        Turns raw columns into the columns of the trees.
    content : bytes
        The trees as XGBoost's UBJSON.
    """

    matrix: MatrixEncoder
    content: bytes

    @classmethod
    def of(cls, signature: Signature, matrix: MatrixEncoder, content: bytes) -> Self:
        """Return the model of some inputs and outputs that has these trees."""
        own = (signature.choice, signature.schema, signature.requirement, signature.stages)
        model = cls(signature.encoder, *own)
        model.matrix, model.content = matrix, content
        return model

    @cached_property
    def booster(self) -> Any:
        """The trees as an `xgboost.Booster`.

        Raises
        ------
        StorageError
            They are damaged, or of other columns.
        ConfigurationError
            The package is not installed.
        """
        xgboost = xgboost_package()
        try:
            booster = xgboost.Booster(model_file=bytearray(self.content))
        except (xgboost.core.XGBoostError, *MALFORMED) as error:
            raise StorageError(
                "The trees of a stored model are damaged",
                got=str(error).partition("\n")[0][:200],
                hint="Copy the model again, or train it again.",
            ) from error
        if booster.feature_names != self.matrix.names:
            raise StorageError(
                "The trees of a stored model do not fit its features",
                expected=self.matrix.names,
                got=booster.feature_names,
                hint="Copy the model again, or train it again.",
            )
        booster.set_param({"nthread": 1})  # Spark runs as many tasks as there are cores
        return booster

    def predict_batch(self, batch: pa.RecordBatch) -> np.ndarray:
        X = self.matrix(batch)
        found = self.booster.inplace_predict(X, validate_features=False)
        return np.asarray(found, np.float64)

    def importances(self) -> dict[str, float]:
        """Return the total gain of each column that a tree splits, the largest first."""
        found = self.booster.get_score(importance_type="total_gain")
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def contributions(self, data: Data) -> np.ndarray:
        """Return what each column adds to the margin of each row (SHAP values of the trees).

        Returns
        -------
        ndarray of float64, shape (n_rows, n_columns + 1)
            In the order of ``matrix.names``, then the part that all rows have in common; of several
            classes (n_rows, n_classes, n_columns + 1).
        """
        X = self.matrix(self._checked(data))
        rows = xgboost_package().DMatrix(
            X,
            feature_names=self.matrix.names,
            feature_types=self.matrix.types,
            enable_categorical=True,
            nthread=1,
        )
        return np.asarray(self.booster.predict(rows, pred_contribs=True), np.float64)

    def to_state_dict(self) -> StateDict:
        own = StateDict({"trees": np.frombuffer(self.content, np.uint8)})
        return super().to_state_dict() | (own | self.matrix.to_state_dict()).prefixed("xgboost")

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        signature, own = Signature.from_state_dict(named), named.part("xgboost")
        check_tree_features(signature.encoder.features)
        with reading("A model of XGBoost"):
            matrix = MatrixEncoder.from_state_dict(own, signature.encoder)
            if own.arrays["trees"].dtype != np.uint8:
                raise ValueError(f"trees as {own.arrays['trees'].dtype}")
            content = own.arrays["trees"].tobytes()
        model = cls.of(signature, matrix, content)
        model.booster  # noqa: B018  damage is found here, not at the first row
        return model
