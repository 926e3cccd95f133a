"""Serialization of a model and its leave-one-out variants, which workers load once."""

from dataclasses import fields

from petafit.explanation.leave_one_out import Differences, Models, Variants
from petafit.models.model import Model, Signature
from petafit.store.arrays import StateDict

_ARRAYS = tuple(each.name for each in fields(Differences) if each.name != "partitions")


def to_state_dict(reads: Signature, variants: Variants) -> StateDict:
    """Pack the models and their signature."""
    packed = StateDict()
    if isinstance(variants, Differences):
        arrays = {name: getattr(variants, name) for name in _ARRAYS}
        packed = StateDict(arrays, {"partitions": variants.partitions})
    else:
        for number, each in enumerate(variants.models):
            packed = packed | each.prefixed(f"{number:06d}")
    return packed.prefixed("variants") | reads.to_state_dict().prefixed("reads")


def from_state_dict(packed: StateDict) -> tuple[Model, Variants]:
    """Unpack what `to_state_dict` packed; the first model has no weights of its own."""
    model, held = Model.untrained(packed.part("reads")), packed.part("variants")
    if "partitions" in held.params:
        arrays = {name: held.arrays[name] for name in _ARRAYS}
        return model, Differences(**arrays, partitions=held.params["partitions"])
    numbers = sorted({name.partition("/")[0] for name in (*held.arrays, *held.params)})
    return model, Models(tuple(held.part(number) for number in numbers))
