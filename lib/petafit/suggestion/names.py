"""Uses of a column that its name tells."""

import re

_KEY = re.compile(r"(^|_)(id|key|uuid|guid|rowid|row_?num(ber)?)$", re.IGNORECASE)
_KEY_IN_CAMEL_CASE = re.compile(r"[a-z](Id|ID|Key|Uuid|UUID|Guid)$")
_FOLD = re.compile(r"(^|_)k?folds?(_?(id|num|number))?$", re.IGNORECASE)
_TRAINS = re.compile(r"^(is|in|for)_?train(ing)?$", re.IGNORECASE)
_TESTS = re.compile(r"^(is|in|for)_?(test(ing)?|holdout)$", re.IGNORECASE)
_ROW_WEIGHT = re.compile(
    r"^(sample|instance|case|row|obs|observation|survey|person|design)_?(weights?|wt|wgt)$",
    re.IGNORECASE,
)
_WEIGHT = re.compile(r"(^|_)(weights?|wt|wgt)$", re.IGNORECASE)
_CLASS = re.compile(
    r"(^|_)(class|label|category|target|type|kind|code|digit)(_?(id|no|code))?$", re.IGNORECASE
)


def names_key(name: str) -> bool:
    """Return whether a name is that of an identifier.

    Examples
    --------
    >>> [names_key(name) for name in ("Id", "user_uuid", "passengerID", "paid", "grid")]
    [True, True, True, False, False]
    """
    return bool(_KEY.search(name) or _KEY_IN_CAMEL_CASE.search(name))


def names_fold(name: str) -> bool:
    """Return whether a name is that of a fold of cross-validation."""
    return bool(_FOLD.search(name))


def names_part(name: str) -> bool | None:
    """Return whether the rows that a flag marks train; None if it is no such flag.

    Examples
    --------
    >>> [names_part(name) for name in ("is_train", "isTest", "is_trained")]
    [True, False, None]
    """
    if _TRAINS.match(name):
        return True
    return False if _TESTS.match(name) else None


def names_row_weight(name: str) -> bool:
    """Return whether a name can only be that of a row's weight."""
    return bool(_ROW_WEIGHT.match(name))


def names_weight(name: str) -> bool:
    """Return whether a name is that of some weight, perhaps a row's."""
    return bool(_WEIGHT.search(name))


def names_class(name: str) -> bool:
    """Return whether the numbers of a column of this name stand for classes."""
    return bool(_CLASS.search(name))
