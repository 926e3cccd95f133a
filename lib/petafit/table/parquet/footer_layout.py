"""Fields of a Parquet footer that are read and checked before pyarrow parses it.

References
----------
``parquet.thrift`` of the Parquet format: ``FileMetaData`` and the structs in it.
"""

from petafit.table.parquet.compact_protocol import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    Field,
    counted,
    ended,
    layout_of,
)

ELEMENT, GROUP, CHUNK = "element", "group", "chunk"

_STATISTICS = {1: "max", 2: "min", 5: "max_value", 6: "min_value"}

BOUNDS = tuple(_STATISTICS.values())
"""The extreme values in a column chunk's statistics, as bytes."""

LISTS = ("path", "list_levels", "null_levels")
"""The path of a column, and the histograms of its repetition and definition levels."""

LAYOUT = layout_of(
    {
        "file": {
            1: Field(I32, required=True),
            2: Field(LIST, of=ELEMENT, required=True),
            3: Field(I64, "rows", required=True),
            4: Field(LIST, of=GROUP, required=True),
            8: Field(STRUCT, "encryption"),
        },
        ELEMENT: {
            1: Field(I32, "type"),
            2: Field(I32, "type_length"),
            3: Field(I32, "repetition"),
            4: Field(BINARY, "name", required=True),
            5: Field(I32, "children"),
        },
        GROUP: {
            1: Field(LIST, of=CHUNK, required=True),
            2: Field(I64, "bytes", required=True),
            3: Field(I64, "rows", required=True),
        },
        CHUNK: {
            2: Field(I64, required=True),
            3: Field(STRUCT, of="column"),
            8: Field(STRUCT, "encryption"),
            9: Field(BINARY),
        },
        "column": {
            1: Field(I32, "type", required=True),
            2: Field(LIST, elements=I32, required=True),
            3: Field(LIST, "path", elements=BINARY, required=True),
            4: Field(I32, "codec", required=True),
            5: Field(I64, "values", required=True),
            6: Field(I64, "plain_bytes", required=True),
            7: Field(I64, "bytes", required=True),
            9: Field(I64, "data_at", required=True),
            11: Field(I64, "dictionary_at"),
            12: Field(STRUCT, of="statistics"),
            16: Field(STRUCT, of="sizes"),
        },
        "statistics": {number: Field(BINARY, name) for number, name in _STATISTICS.items()},
        "sizes": {
            1: Field(I64, "text_bytes"),
            2: Field(LIST, "list_levels", elements=I64),
            3: Field(LIST, "null_levels", elements=I64),
        },
    },
    rows=("file", ELEMENT, GROUP, CHUNK),
    slots=(
        *("rows", "bytes", "encryption", "type", "type_length", "repetition", "children"),
        *("codec", "values", "plain_bytes", "data_at", "dictionary_at", "text_bytes"),
        *(slot for name in ("name", *BOUNDS) for slot in (name, ended(name))),
        *(slot for name in LISTS for slot in (name, ended(name), counted(name))),
    ),
)
"""Layout of a ``file``, its schema's ``element``s, row ``group``s, and their column ``chunk``s."""
