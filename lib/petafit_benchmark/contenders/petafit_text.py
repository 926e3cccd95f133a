"""petafit's local engine on text: character n-grams, one learner for all classes, one core."""

from petafit_benchmark.contenders import petafit_one_core

TITLE = "petafit, one core, text"
LEARNER = "petafit.OnlineLinearClassifier, text"
CORES = petafit_one_core.CORES
REQUIRES = petafit_one_core.REQUIRES
MOST_ROWS = petafit_one_core.MOST_ROWS
TUNES = petafit_one_core.TUNES
GRID = petafit_one_core.GRID

train = petafit_one_core.train
