"""Settings of a session that may not be set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def value_of(session: SparkSession, name: str) -> str:
    """Return a setting's value; empty where it has none."""
    # Spark refuses a default that is not of the setting's type, as "" for a number; never None
    return session.conf.get(name, None) or ""


def number_of(session: SparkSession, name: str) -> int:
    """Return a setting's value; 0 where it is no number."""
    text = value_of(session, name)
    return int(text) if text.isdecimal() else 0
