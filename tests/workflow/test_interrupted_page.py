"""A signal while pages are read that a few bytes make very long."""

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.fuzz import thrift
from tests.fuzz.damage import with_footer
from tests.fuzz.sound import taken_apart

PAGES, ROWS_PER_PAGE = 400, 10_000_000


def long_file() -> bytes:
    """4 billion rows of two columns in 40 kB: every page is one run of one code."""
    texts = pa.array(["a", "b"] * 4)
    schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("city", "late")])
    out = io.BytesIO()
    pq.write_table(pa.table([texts, texts], schema=schema), out, compression="none")
    sound = taken_apart("long", out.getvalue(), schema)
    body, footer = b"PAR1", sound.footer
    group = thrift.find(footer, 4).content[0]
    for number, column in enumerate(thrift.find(group, 1).content):
        metadata, start = thrift.find(column, 3), len(body)
        dictionary, data = (page for page in sound.pages if page.chunk == number)
        body += sound.raw[dictionary.start : dictionary.stop]
        content = bytes([1]) + varint(ROWS_PER_PAGE << 1) + bytes([number])
        for place in (2, 3):
            thrift.find(data.header, place).content = len(content)
        thrift.find(data.header, 5, 1).content = ROWS_PER_PAGE
        first = len(body)
        body += (thrift.dump(data.header) + content) * PAGES
        for place, value in ((5, PAGES * ROWS_PER_PAGE), (6, len(body) - start)):
            thrift.find(metadata, place).content = value
        for place, value in ((7, len(body) - start), (9, first), (11, start)):
            thrift.find(metadata, place).content = value
        metadata.content = [field for field in metadata.content if field[0] != 12]  # statistics
        column.content = [field for field in column.content if field[0] in (2, 3)]
    thrift.find(group, 3).content = PAGES * ROWS_PER_PAGE
    thrift.find(footer, 3).content = PAGES * ROWS_PER_PAGE
    return with_footer(body, footer)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_a_signal_ends_the_reading_of_endless_pages(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table/rows.parquet").write_bytes(long_file())
    folders = {name: str(tmp_path / name) for name in ("data", "runs", "models")}
    (tmp_path / "conf/tasks").mkdir(parents=True)
    (tmp_path / "conf/base.yaml").write_text(yaml.safe_dump({"paths": folders, "engine": "local"}))
    task = {
        "table": str(tmp_path / "table"),
        "label": "late",
        "features": [{"categorical": "city"}],
    }
    (tmp_path / "conf/tasks/long.yaml").write_text(yaml.safe_dump(task))
    arguments = ["train", "--task", "long", "--run-id", "cut"]
    code = "from petafit.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, stderr=subprocess.PIPE
    )
    run = tmp_path / "runs/cut"
    try:
        while process.poll() is None and not any(run.glob("**/heartbeat-*.json")):  # rows are read
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    manifest = json.loads((run / "manifest.json").read_text())
    assert (manifest["status"], manifest["error"]) == ("failed", "interrupted")
