"""scikit-learn's linear model by stochastic gradient descent, as its contenders share it."""

from sklearn.linear_model import SGDClassifier

from petafit_benchmark.contender import Spec, step_sizes

LEARNER = "sklearn.SGDClassifier"
TUNES = "eta0"
GRID_AROUND = 0.1
GRID = step_sizes(GRID_AROUND)


def classifier(spec: Spec, *, default: float = GRID_AROUND) -> SGDClassifier:
    """A logistic regression to be fed by `partial_fit`.

    On these sparse rows a step that falls with the fourth root of the rows, scikit-learn's default
    for `SGDRegressor`, beat its schedule "optimal" with any `alpha`, constant steps, and averaging.

    Parameters
    ----------
    default : float
        The first step where none was tuned.
    """
    return SGDClassifier(
        loss="log_loss",
        alpha=1e-7,
        learning_rate="invscaling",
        power_t=0.25,
        eta0=spec.tuned or default,
        random_state=spec.seed,
    )
