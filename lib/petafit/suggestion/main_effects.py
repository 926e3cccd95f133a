"""The features of single columns, as a linear model takes them."""

from collections.abc import Collection, Mapping, Sequence

from petafit.config.feature_groups import (
    BinnedFeatures,
    BooleanFeatures,
    CategoricalFeatures,
    FeatureGroup,
    NumericFeatures,
)
from petafit.suggestion.forms import BINS, NumberForm, is_code, is_curved, is_skewed
from petafit.suggestion.residuals import LabelledRows, Residuals
from petafit.suggestion.seen import Seen


def first_forms(
    columns: Sequence[Seen], rows: LabelledRows, alone: Residuals, binnable: Collection[str]
) -> tuple[list[str], dict[str, NumberForm]]:
    """Return the numbers that stand for things, and the others' forms by what each tells alone."""
    numbers = [c for c in columns if c.feature_kind == "numeric" and not c.infinite]
    curved = {c.name for c in numbers if is_curved(c, rows.rows.column(c.name), alone)}
    codes = [c.name for c in numbers if is_code(c, curved=c.name in curved)]
    forms = {
        c.name: NumberForm(
            c.name,
            binned=c.name in curved and c.name in binnable,
            log1p=is_skewed(rows.rows.column(c.name)),
        )
        for c in numbers
        if c.name not in codes
    }
    return codes, forms


def main_effects(
    columns: Sequence[Seen], codes: Collection[str], forms: Mapping[str, NumberForm]
) -> list[FeatureGroup]:
    """Return the features of columns in these forms, without text and dates."""
    by_name = {c.name: c for c in columns}
    values = [name for name, form in forms.items() if form.values]
    texts = [c.name for c in columns if c.feature_kind == "categorical"]
    groups: list[FeatureGroup] = []
    categories = (*texts, *codes, *values)
    if categories:
        groups.append(CategoricalFeatures(categorical=categories))
    booleans = tuple(c.name for c in columns if c.feature_kind == "boolean")
    if booleans:
        groups.append(BooleanFeatures(boolean=booleans))
    for form in forms.values():
        if form.is_number and by_name[form.column].distinct:
            groups.append(
                NumericFeatures(numeric=(form.column,), log1p=form.log1p, indicator=form.indicator)
            )
        if form.binned:
            groups.append(BinnedFeatures(binned=(form.column,), edges="quantiles", bins=BINS))
    return groups
