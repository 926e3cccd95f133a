"""Memory of models of very many classes: few copies, whatever is done with them."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from scipy.sparse import csr_array
from petafit.config.settings import LearnerChoice
from petafit.features.encoding.batch import Batch
from petafit.features.column_statistics import TableStatistics
from petafit.learners.registry import make_learner

classes, features, rows, shards = 1000, 1 << 15, 2000, int(sys.argv[1])
random = np.random.default_rng(0)
indices = random.integers(0, features, 40 * rows).astype(np.int32)
places = np.arange(0, 40 * rows + 1, 40)
X = csr_array((np.ones(40 * rows, np.float32), indices, places), shape=(rows, features))
batch = Batch(X, random.integers(0, classes, rows).astype(float))
names, counts = tuple(range(classes)), (2,) * classes
statistics = TableStatistics(rows=rows, weight=rows, columns={}, classes=names, class_counts=counts)
small = make_learner(LearnerChoice(), n_features=4, statistics=statistics)
small.reduce(small.start(), Batch(X[:4, :4].tocsr(), batch.y[:4]))  # the kernels are compiled
learner = make_learner(LearnerChoice(), n_features=features, statistics=statistics)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
summary = None
for shard in range(shards):
    part = Batch(X[shard::shards], batch.y[shard::shards])
    own = learner.lift(learner.reduce(learner.start(), part))
    summary = own if summary is None else learner.merge(summary, own)
    del own
model = learner.finish(summary)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(1024 * peak / model.arrays["weights"].nbytes)
"""


@pytest.mark.parametrize(("shards", "most"), [(1, 3.6), (2, 8.5)])
def test_learning_and_merging_takes_few_times_the_weights(shards: int, most: float) -> None:
    """Sums of shards are doubles, two of them: four times the weights."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(shards)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < most
