"""Every contender by its name, loaded when it is needed: each module imports what it measures."""

from importlib import import_module
from typing import cast

from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.contender import Contender

CONTENDERS = {
    "decode_only": "pyarrow:DECODE_ONLY",
    "petafit_one_core": "petafit:ONE_CORE",
    "petafit_spark": "petafit:SPARK",
    "petafit_cached": "petafit:CACHED",
    "petafit_memory": "petafit:MEMORY",
    "petafit_text": "petafit:TEXT",
    "petafit_shards": "petafit_shards:SHARDS",
    "petafit_many_shards": "petafit_shards:MANY_SHARDS",
    "petafit_exact": "petafit_exact:EXACT",
    "petafit_prefixes": "petafit_curve:PREFIXES",
    "petafit_converged": "petafit_curve:CONVERGED",
    "sklearn_streaming": "sklearn:STREAMING",
    "sklearn_on_petafit": "sklearn:ON_PETAFIT",
    "sklearn_text": "sklearn:TEXT",
    "dask_incremental": "dask_ml:INCREMENTAL",
    "tensorflow_linear": "tensorflow:LINEAR",
    "vw_text": "vw:FROM_TEXT",
    "vw_cache": "vw:FROM_CACHE",
    "vw_oaa": "vw:ONE_AGAINST_ALL",
    "river_online": "river:ONLINE",
    "mllib_10": "mllib:TEN_ITERATIONS",
    "mllib_converged": "mllib:CONVERGED",
    "lightgbm_trees": "lightgbm:TREES",
    "xgboost_spark": "xgboost:BY_XGBOOST",
    "petafit_trees": "xgboost:ON_STREAM",
}
"""Module and attribute in this package."""


def load_contender(name: str) -> Contender:
    """Import a contender: one of `CONTENDERS`, or any other as ``package.module:ATTRIBUTE``.

    Raises
    ------
    ConfigurationError
        The name is unknown.
    """
    address = name
    if ":" not in name:
        if name not in CONTENDERS:
            hint = did_you_mean(name, CONTENDERS)
            raise ConfigurationError(f"There is no contender {name!r}", hint=hint)
        address = f"petafit_benchmark.contenders.{CONTENDERS[name]}"
    module, _, attribute = address.partition(":")
    return cast(Contender, getattr(import_module(module), attribute))
