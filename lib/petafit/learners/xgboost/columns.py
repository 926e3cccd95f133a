"""Features as trees take them: numbers unscaled, categories as codes, nothing hashed or crossed."""

import logging
from collections.abc import Sequence

from petafit.errors import ConfigurationError, StorageError
from petafit.features.feature import (
    Binned,
    Boolean,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Feature,
    Frequent,
    Indicator,
    Numeric,
    QuantileBinned,
    TargetMean,
)

log = logging.getLogger("petafit")

_OF_TREES = (Numeric, Categorical, Boolean, DatePart)


def tree_features(features: Sequence[Feature], learner: str) -> tuple[Feature, ...]:
    """Return features without what trees do by themselves: scale, bin, impute, combine.

    Raises
    ------
    ConfigurationError
        Features that trees cannot take, such as the words of texts.
    """
    found = dict.fromkeys(_of_tree(each) for each in features if not isinstance(each, Cross))
    crosses = [each.name for each in features if isinstance(each, Cross)]
    if crosses:
        log.info("no effect: %s; %s makes its own crosses", ", ".join(crosses), learner)
    for feature in found:
        if type(feature) not in _OF_TREES:
            raise ConfigurationError(
                f"{learner} does not take the feature {feature.name!r}",
                expected="numeric, binned, categorical, boolean and date features",
                got=f"features of kind {type(feature).__name__.lower()}",
                hint="Leave it out of `features`, or choose a learner of sparse rows, such as "
                "petafit.OnlineLinearClassifier.",
            )
    if not found:
        raise ConfigurationError(f"{learner} needs features", hint="Name some in `features`.")
    return tuple(found)


def check_tree_features(features: Sequence[Feature]) -> None:
    """Refuse features of a stored model that `tree_features` does not return.

    Raises
    ------
    StorageError
    """
    if not features or any(type(each) not in _OF_TREES for each in features):
        raise StorageError(
            "The features of a stored model of XGBoost are not those of trees",
            got=[type(each).__name__ for each in features],
            hint="Copy the model again, or train it again.",
        )


def categories_of(features: Sequence[Feature]) -> tuple[Categorical, ...]:
    """Return the features that are categories in a tree, not numbers."""
    return tuple(each for each in features if type(each) is Categorical)


def _of_tree(feature: Feature) -> Feature:
    if isinstance(feature, Numeric | Binned | QuantileBinned | Indicator):
        return Numeric(feature.column, impute="none", scale="none")
    if isinstance(feature, Cyclic):
        return DatePart(feature.column, feature.part)
    # a tree's categories of many values become mean labels
    return Categorical(feature.column) if isinstance(feature, TargetMean | Frequent) else feature
