import logging

import pytest

from petafit.config.settings import Settings
from petafit.store.models import ModelStore
from petafit.workflow import job
from petafit.workflow.train import train


@pytest.mark.parametrize(("code", "kept"), [("the same", 2), ("another", 0)])
def test_finished_rounds_are_kept_for_attempts_with_the_same_code(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    kept: int,
) -> None:
    monkeypatch.setattr(job, "code_digest", lambda: "the same")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(ModelStore, "publish", _killed)
        with pytest.raises(KeyboardInterrupt):
            train(settings, run_id="again")
    monkeypatch.setattr(job, "code_digest", lambda: code)
    with caplog.at_level(logging.INFO, logger="petafit"):
        train(settings, run_id="again")
    assert caplog.text.count("was finished by an earlier attempt") == kept


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
