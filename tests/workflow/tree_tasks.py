"""Tasks of XGBoost's trees on the small table, and what their tests look at."""

from pathlib import Path
from typing import Any

from petafit.config.settings import Settings
from petafit.models.model import load_model
from petafit.models.xgboost import TreeModel
from tests.small import table, with_settings

VALIDATED = {"train": "month <= 9", "validation": "month = 9", "test": "month >= 10"}


def of_trees(settings: Settings) -> Settings:
    learner = {"name": "xgboost.XGBClassifier", "params": {"n_estimators": 20, "n_jobs": 1}}
    return with_settings(settings, learner=learner)


def model_of(settings: Settings) -> TreeModel:
    model = load_model(Path(settings.paths.models) / "small")
    assert isinstance(model, TreeModel)
    return model


def held_out() -> Any:
    return table().to_pandas().query("month >= 10")


def has_trees(run: Path) -> bool:
    """Look for trees that a run has saved, in folders that come and go."""
    try:
        return any(run.glob("trees/*/trees.npz"))
    except FileNotFoundError:
        return False


def params(**given: Any) -> dict[str, Any]:
    return {"params": {"n_estimators": 20, "n_jobs": 1, **given}}
