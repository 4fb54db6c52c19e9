"""A server that gives prepared answers at once: what clients reach with it is all that they can do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from listening import listening

PROGRAM = """
import json, sys, uvicorn
answers = json.load(open(sys.argv[1]))
async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        if "/mlflow/" in scope["path"]:
            body += message.get("body", b"")
    pages = answers.get(scope["path"].rpartition("/mlflow/")[2], {"": "{}"})
    token = json.loads(body).get("page_token") or "" if len(pages) > 1 else ""
    text = pages[token].encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": text})
uvicorn.run(app, port=int(sys.argv[2]), log_config=None, access_log=False, http="httptools", lifespan="off")
"""


@contextmanager
def canned_server(folder: Path, answers: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Run it.

    Args:
        folder: For a file.
        answers: By what follows `/mlflow/` in the address, and by the page that is asked for; `{}` for all else.
    """
    file = folder / "answers.json"
    file.write_text(json.dumps(answers))
    with listening(PROGRAM, file) as url:
        yield url
