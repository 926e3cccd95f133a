"""A model as its users hold it: it predicts in Spark, and is sent to other processes."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from petafit.functions.derivation import Derivation
from petafit.models.manifest import ModelVersion
from petafit.models.portable import PortableModel
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


class LoadedModel(Signature):
    """A model of either kind, which predicts in Spark.

    Attributes
    ----------
    version : ModelVersion or None
        The version that it was published as.
    derivation : Derivation or None
        Computes the columns of `requirement`.
    """

    version: ModelVersion | None = None
    derivation: Derivation | None = None

    @classmethod
    def assembled(
        cls, named: StateDict, version: ModelVersion | None, derivation: Derivation | None
    ) -> Self:
        """Build a model of its published content."""
        model = cls.from_state_dict(named)
        model.version, model.derivation = version, derivation
        return model

    @cached_property
    def portable(self) -> PortableModel:
        """Return the form in which it is sent to Spark's workers, and pickled."""
        return PortableModel.of(self, type(self).assembled, self.version, self.derivation)

    def __reduce__(self) -> tuple[Any, ...]:
        return PortableModel.load, (self.portable,)

    def transform(self, frame: "DataFrame") -> "DataFrame":
        """Add the predictions to a DataFrame of Spark, of Spark Connect, or of a stream.

        Parameters
        ----------
        frame : DataFrame
            Raw columns, as in the table the model was trained on, whatever the case of their names'
            letters.

        Returns
        -------
        DataFrame
            With the columns that `petafit.score` writes: ``prediction``, ``probability`` where the
            learner predicts one, ``model_name``, ``model_version``, ``model_digest`` and
            ``row_status``. A row that cannot be predicted has the reason there, and null instead of
            a prediction.

        Raises
        ------
        ContractError
            A column is missing or has another type.
        ConfigurationError
            A column has the name of one that is added.
        """
        from petafit.models.spark.transform import transformed

        return transformed(frame, self.portable)

    def register(self, session: "SparkSession", name: str) -> "Callable[..., Column]":
        """Make the model a function of a session's SQL.

        Parameters
        ----------
        session : SparkSession
        name : str
            As in ``SELECT *, name(struct(*)).prediction FROM t``.

        Returns
        -------
        callable
            The same function for columns of DataFrames. It takes a struct with the model's columns
            by name, or these columns in the order of ``schema.names``; in SQL named arguments, too.
            It returns a struct of ``prediction``, ``probability`` where there is one, and
            ``row_status``.

        Raises
        ------
        ConfigurationError
            The name is none for SQL, only Spark can predict with the model, or this Spark is older
            than 4.1.
        """
        from petafit.models.spark.transform import registered

        return registered(session, name, self.portable)
