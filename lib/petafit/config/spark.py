"""Spark's own settings, and where its sessions run."""

from typing import Self

from pydantic import Field, model_validator

from petafit.config.section import Names, Scalar, Section


class Spark(Section):
    """Spark's own settings, split by when they can be set."""

    master: str | None = Field(None, description="null leaves the master to spark-submit")
    remote: str | None = Field(
        None,
        description="URL of a Spark Connect server, instead of master and submit: "
        "sc://host:15002; null: SPARK_REMOTE, where that is set and master is not",
    )
    submit: dict[str, Scalar] = Field(
        default_factory=dict, description="needed before the JVM starts: memory, cores, jars"
    )
    session: dict[str, Scalar] = Field(
        default_factory=dict, description="may be set on a running session: spark.sql.*"
    )
    stages: Names = Field(
        (),
        description="classes of Spark ML stages that tasks may name, beside those of "
        "pyspark.ml.feature: my.package.Class",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.remote is not None:
            if not self.remote.startswith("sc://"):
                raise ValueError("remote is not a URL such as sc://host:15002")
            if self.master is not None or self.submit:
                raise ValueError(
                    "give either remote, or master and submit: a Spark Connect server has started "
                    "with settings of its own"
                )
        return self
