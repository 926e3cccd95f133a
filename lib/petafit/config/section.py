"""What every section of the settings is: frozen, and every key known."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

Scalar = bool | int | float | str


class Section(BaseModel):
    """A frozen section that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
