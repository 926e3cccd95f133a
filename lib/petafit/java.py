"""Former name of `petafit.spark.java`, kept for imports of users."""

from petafit.spark.java import require_java

__all__ = ["require_java"]
