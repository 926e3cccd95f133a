"""Former name of `petafit.spark.session`, kept for imports of users."""

from petafit.spark.session import open_session

__all__ = ["open_session"]
