import pytest

import petafit
from petafit.adapters.sklearn import batches
from petafit.config.settings import Settings
from tests.adapters.checksums import checksum
from tests.small import with_settings

pytest.importorskip("dask.array", reason="the extra bench installs Dask")


@pytest.mark.parametrize("learner", ["petafit.OnlineLinearClassifier", "sklearn.GaussianNB"])
def test_dask_gets_exactly_these_rows(settings: Settings, learner: str) -> None:
    from petafit.adapters.dask import arrays

    instances = petafit.open_instances(with_settings(settings, learner=learner, hash_bits=8))
    X, y = arrays(instances)
    assert X.shape[1] == 2**8 + 1  # the hashed space, and the one number's own index
    chunks = zip(X.to_delayed().ravel(), y.to_delayed().ravel(), strict=True)
    read = [(part.compute(), labels.compute()) for part, labels in chunks]
    assert len(read) == instances.shards == 3
    assert checksum(read) == checksum(batches(instances))


def test_dask_computes_with_them(settings: Settings) -> None:
    from petafit.adapters.dask import arrays

    _, y = arrays(petafit.open_instances(settings))
    assert y.sum().compute(scheduler="threads") == pytest.approx(2235, abs=100)
    assert y.compute(scheduler="synchronous").shape == (4500,)
