"""A model is sent in a form from which a process loads it once."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import StorageError
from petafit.models import portable
from tests.small import table


@pytest.fixture
def model(settings: Settings) -> Any:
    petafit.train(settings)
    return petafit.load_model(f"{settings.paths.models}/small")


def test_a_process_loads_a_model_once_however_often_it_arrives(model: Any) -> None:
    sent = pickle.dumps(model)
    first, again = pickle.loads(sent), pickle.loads(sent)
    assert first is again
    assert first is not model
    np.testing.assert_array_equal(first.predict_proba(table()), model.predict_proba(table()))
    assert first.version == model.version


def test_a_small_model_needs_no_store_where_it_arrives(model: Any) -> None:
    (stored,) = Path(model.version.folder).glob("model.npz")
    stored.unlink()
    portable._loaded.cache_clear()
    assert pickle.loads(pickle.dumps(model)).predict(table(10)).shape == (10,)


def test_a_large_model_is_sent_by_its_address_and_verified(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "MOST_BYTES", 1000)
    portable._loaded.cache_clear()
    sent = pickle.dumps(model)
    assert len(sent) < 4000
    found = pickle.loads(sent)
    np.testing.assert_array_equal(found.predict_proba(table()), model.predict_proba(table()))
    (stored,) = Path(model.version.folder).glob("model.npz")
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    portable._loaded.cache_clear()
    with pytest.raises(StorageError, match=r"cannot read the model 'small'.*differs from what"):
        pickle.loads(sent)
