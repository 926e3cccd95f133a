"""An S3 server of moto's on the loopback interface, for as long as a block runs."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

SERVER = Path(__file__).parents[2] / ".venv/servers/bin/moto_server"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET = "bucket"


@contextmanager
def s3_server() -> Iterator[str]:
    """Give the URL of a server with one empty bucket."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [SERVER, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, env=os.environ | CREDENTIALS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(process, port)
            connected(f"http://127.0.0.1:{port}").create_dir(BUCKET)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def connected(url: str) -> fs.S3FileSystem:
    """Return a client of the server that does not look at this process's settings."""
    return fs.S3FileSystem(
        access_key=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        secret_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=url,
        region="us-east-1",
        allow_bucket_creation=True,
    )


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(300):
        assert process.poll() is None, "the S3 server has ended: run `make test-platform`"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the S3 server does not answer")
