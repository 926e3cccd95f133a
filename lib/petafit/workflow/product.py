"""What fitting gives to the job that publishes it."""

from collections.abc import Callable
from dataclasses import dataclass

from petafit.evaluation.metrics import Figures
from petafit.models.model import Signature


@dataclass(frozen=True)
class Product:
    """A model, its metrics, and what Spark itself has to write of it."""

    model: Signature
    metrics: Figures
    attachment: Callable[[str], None] | None = None
