"""petafit: train models on tables of any size, from Python, on Spark or without."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from petafit.store.requirements import require_packages

if TYPE_CHECKING:
    from petafit.config.layers import load_settings
    from petafit.config.settings import Settings
    from petafit.functions.function import function
    from petafit.models.model import load_model
    from petafit.models.partition_summaries import load_summaries
    from petafit.workflow.evaluate import evaluate
    from petafit.workflow.explain import explain
    from petafit.workflow.export import export
    from petafit.workflow.instances import open_instances
    from petafit.workflow.prepare import prepare
    from petafit.workflow.score import score
    from petafit.workflow.search import search
    from petafit.workflow.train import train

__all__ = [
    "Settings",
    "evaluate",
    "explain",
    "export",
    "function",
    "load_model",
    "load_settings",
    "load_summaries",
    "open_instances",
    "prepare",
    "score",
    "search",
    "train",
]

_HOMES = {
    "Settings": "config.settings",
    "evaluate": "workflow.evaluate",
    "explain": "workflow.explain",
    "export": "workflow.export",
    "function": "functions.function",
    "load_model": "models.model",
    "load_settings": "config.layers",
    "load_summaries": "models.partition_summaries",
    "open_instances": "workflow.instances",
    "prepare": "workflow.prepare",
    "score": "workflow.score",
    "search": "workflow.search",
    "train": "workflow.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: a worker needs few of them.

    Raises
    ------
    ConfigurationError
        A package is too old or too new.
    """
    if name not in _HOMES:
        raise AttributeError(f"module 'petafit' has no attribute {name!r}")
    require_packages()
    return getattr(import_module(f"petafit.{_HOMES[name]}"), name)
