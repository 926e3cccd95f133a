"""What is hidden, and what stays to be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.redaction import HIDDEN, redact


@pytest.mark.parametrize(
    "key",
    [
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.hadoop.fs.azure.account.key.mine.dfs.core.windows.net",
        "spark.ssl.keyPassword",
        "spark.databricks.accessToken",
        "spark.hadoop.fs.azure.sas.container.account",
        "PASSWORD",
        "db_password",
        "api-key",
    ],
)
@pytest.mark.parametrize("secret", ["hunter2", 123456, ["hunter2"]])
def test_secrets_are_hidden(key: str, secret: object) -> None:
    shown = redact({key: secret})[key]
    assert shown == ([HIDDEN] if isinstance(secret, list) else HIDDEN)


@pytest.mark.parametrize(
    "key", ["keys", "learner.params.tokenizer", "spark.sql.keyspace", "monkey", "task", "hash_bits"]
)
def test_other_keys_stay(key: str) -> None:
    assert redact({key: "value"}) == {key: "value"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://id:hunter2@bucket/x", "s3://id:***@bucket/x"),
        ("postgresql://me:hunter2@db:5432/x", "postgresql://me:***@db:5432/x"),
        ("https://a.net/x?sv=1&sig=hunter2&se=2", "https://a.net/x?sv=1&sig=***&se=2"),
        ("-Xmx1g -Dstore.trustStorePassword=hunter2 -Da=b", None),
        ("abfss://container@account.dfs.core.windows.net/x", "same"),
        ("month >= 10", "same"),
        ("signal=3", "same"),
        ("a:b@c", "same"),
    ],
)
def test_secrets_within_text_are_hidden(text: str, shown: str | None) -> None:
    redacted = redact({"uri": text})["uri"]
    assert "hunter2" not in redacted
    if shown is not None:
        assert redacted == (text if shown == "same" else shown)


def test_nothing_stays_nothing() -> None:
    assert redact({"password": None, "spark.authenticate.secret": False}) == {
        "password": None,
        "spark.authenticate.secret": False,
    }


@given(st.text())
def test_hiding_twice_is_hiding_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)
