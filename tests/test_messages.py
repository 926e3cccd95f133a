"""Redaction of secrets, and text that must stay readable."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ConfigurationError, ContractError
from petafit.messages import HIDDEN, printable, redact


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
        "secretkey",
        "accesskeyid",
        "apikey",
        "APIKEY",
        "fs.s3a.AccessKeyID",
        "Authorization",
        "proxy-authorization",
        "sig",
        "SAS",
        "signature",
        "x-amz-signature",
        "credential",
        "AZURE_CLIENT_CREDENTIALS",
        "pwd",
        "DB_PWD",
        "bearertoken",
        "bearer",
        "auth",
        "creds",
        "connectionString",
        "keystore.pass",
        "jwt",
        "signingkey",
        "refreshtoken",
        "X-Amz-Security-Token",
        "sessiontoken",
    ],
)
@pytest.mark.parametrize("secret", ["hunter2", 123456, ["hunter2"]])
def test_secrets_are_hidden(key: str, secret: object) -> None:
    shown = redact({key: secret})[key]
    assert shown == ([HIDDEN] if isinstance(secret, list) else HIDDEN)


@pytest.mark.parametrize(
    "key",
    [
        "keys",
        "learner.params.tokenizer",
        "spark.sql.keyspace",
        "monkey",
        "task",
        "hash_bits",
        "tokenizer",
        "n_tokens",
    ],
)
def test_other_keys_stay(key: str) -> None:
    assert redact({key: "value"}) == {key: "value"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://id:hunter2@bucket/x", "s3://id:***@bucket/x"),
        ("postgresql://me:hunter2@db:5432/x", "postgresql://me:***@db:5432/x"),
        ("https://a.net/x?sv=1&sig=hunter2&se=2", "https://a.net/x?sv=1&sig=***&se=2"),
        ("abfss://c@a.net/x?SV=1&SIG=hunter2", None),
        ("wasbs://c@a.net/x?sas=hunter2", None),
        ("s3://b/x?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2", None),
        ("secretkey=hunter2 accesskeyid=hunter2, APIKEY=hunter2", None),
        ("pwd=hunter2;", None),
        ('{"secretKey": "hunter2", "a": 1}', None),
        ("{'api_key': 'hunter2'}", None),
        ("Authorization: Bearer hunter2", None),
        ("authorization: Basic hunter2", None),
        ("-Xmx1g -Dtoken=hunter2 -Da=b", "-Xmx1g -Dtoken=*** -Da=b"),
        ("mytoken=hunter2", None),
        ("-Xmx1g -Dstore.trustStorePassword=hunter2 -Da=b", None),
        ("password: hunter2", "password: ***"),
        ("password = 'hunter2 hunter2', and more", "password = '***', and more"),
        ('Password="hunter2\\"hunter2"', 'Password="***"'),
        ("'password': b'hunter2'", "'password': b'***'"),
        ("authorization=Bearer hunter2", "authorization=Bearer ***"),
        ("got Bearer hunter2hunter2", "got Bearer ***"),
        ("fs.azure.sas.c.a.blob.core.windows.net=hunter2", None),
        ("x-api-key: hunter2", "x-api-key: ***"),
        ("a?password%3Dhunter2&b=1", "a?password%3D***&b=1"),
        ("--password hunter2 -v", "--password *** -v"),
        ("spark.hadoop.fs.s3a.secret.key\thunter2", None),
        ("('spark.hadoop.fs.s3a.secret.key', 'hunter2')", None),
        ("(password,hunter2)", "(password,***)"),
        ("InvalidKey: secret_key='hunter2' refused", None),
        ("secret=hunter2,hunter2 x", "secret=*** x"),
        ("s3a://id:hun/hunter2@bucket/x", "s3a://id:***@bucket/x"),
        ("https://hunter2@git.net/x", "https://***@git.net/x"),
        ("jdbc:oracle:thin:me/hunter2@db:1521:x", "jdbc:oracle:thin:me/***@db:1521:x"),
        ("jdbc:sqlserver://db;user=me;password=hunter2;a=b", None),
        ("hdfs://name:8020/models/flights@3", "same"),
        ("No fs.s3a.secret.key is set. Set fs.s3a.secret.key, or else", "same"),
        ("expected basic authentication", "same"),
        ("key = 3, pass: 2", "same"),
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


def test_hiding_takes_time_in_proportion_to_the_text() -> None:
    """A quadratic search would take minutes."""
    for text in ("a" * 1_000_000, "a." * 500_000, "://a" * 250_000, "key" * 300_000, "'" * 10**6):
        assert redact(text) == text


def test_secrets_without_a_value_stay() -> None:
    assert redact({"password": None, "spark.authenticate.secret": False}) == {
        "password": None,
        "spark.authenticate.secret": False,
    }


@given(st.text())
def test_hiding_twice_is_hiding_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text(st.characters(codec=None)))
def test_a_printed_message_is_one_line_in_any_encoding(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert "\x1b" not in shown


def test_other_letters_than_english_ones_are_shown() -> None:
    assert printable("São Paulo 北京 naïve 😀") == "São Paulo 北京 naïve 😀"


def test_errors_cannot_be_made_to_print_lines_of_their_own() -> None:
    error = ContractError(
        "No column 'a\nERROR root'",
        expected="\x1b[2J",
        got="https://h/x?sig=hunter2",
        hint="Rename\rit.",
    )
    assert str(error) == (
        "No column 'a\\nERROR root'; expected \\x1b[2J; got https://h/x?sig=***. Rename\\rit."
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_details_stand_on_lines_of_their_own() -> None:
    error = ConfigurationError("2 settings are wrong:", details=["a\nb", "c"])
    assert str(error) == "2 settings are wrong:\n- a\\nb\n- c"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
