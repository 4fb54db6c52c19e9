"""A real S3 API for tests: moto's server, on a free port of this machine."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def s3_server(bucket: str) -> Iterator[dict[str, str]]:
    """Give the variables that lead to an S3 API with an empty bucket."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",  # of nothing: moto takes any
        "AWS_REGION": "us-east-1",
    }
    request = urllib.request.Request(f"{variables['AWS_ENDPOINT_URL']}/{bucket}", b"", method="PUT")
    try:
        with urllib.request.urlopen(request):
            yield variables
    finally:
        moto.stop()
