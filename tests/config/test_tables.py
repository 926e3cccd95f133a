"""What a table, a view and a preparation may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from petafit.config.tables import Preparation, Table


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"uri": "a", "name": "b"}, "give one of"),
        ({"uri": "a", "sql": "SELECT 1"}, "give one of"),
        ({"format": "delta"}, "format: delta needs uri"),
        ({"name": "a", "format": "csv"}, "format of its own"),
        ({"name": "a; DROP TABLE b"}, "should match pattern"),
        ({"uri": "a", "options": {"header": True}}, "belong to a format of Spark's"),
        ({"uri": "a", "format": "csv", "version": 3}, "only a Delta table has a version"),
        ({"views": {"a": {"uri": "b"}}}, "views are named in sql"),
        ({"sql": "flights.sql"}, "the name of a file, which only a task file can give"),
        ({"sql": "SELECT 1", "version": 2}, "belong to the views"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Table(**given)


@pytest.mark.parametrize(
    ("given", "stored", "title"),
    [
        ({"uri": "data/t"}, True, "data/t"),
        ({"uri": "t.csv", "format": "csv"}, False, "t.csv"),
        ({"name": "main.sales.`my orders`"}, False, "main.sales.`my orders`"),
        ({"sql": "SELECT 1\n FROM  t"}, False, "query SELECT 1 FROM t"),
        ({"format": "jdbc", "options": {"dbtable": "t"}}, False, "jdbc"),
        ({}, False, "a DataFrame"),
    ],
)
def test_a_table_knows_who_reads_it(given: dict[str, Any], stored: bool, title: str) -> None:
    table = Table(**given)
    assert (table.is_stored, table.title, table.is_given) == (stored, title, bool(given))


def test_a_preparation_replaces_partitions_that_it_makes() -> None:
    assert Preparation(partition_by=["month"], replace={"month": 1}).replace == {"month": "1"}
    with pytest.raises(ValidationError, match="replace names 'day', which partition_by does not"):
        Preparation(partition_by=["month"], replace={"day": "x"})


def test_a_stage_has_one_name() -> None:
    with pytest.raises(ValidationError, match="a stage has one name"):
        Preparation(stages=[{"Imputer": {}, "Bucketizer": {}}])
