"""What the README shows: train, register, promote, serve, and ask with curl."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow_server import free_port

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_from_training_to_an_answer_over_http(tmp_path: Path) -> None:
    section = README.read_text().split("## From training to an answer over HTTP\n")[1].split("\n## ")[0]
    (program,) = re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    (commands,) = re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "train.py").write_text(program)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", f"{commands.replace('5000', str(free_port()))}\nkill -TERM $!\nwait $!"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "AUTOTRACK_SAFE_MODELS": "1", "AUTOTRACK_EXIT_TIMEOUT": "60"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGTERM), done.stderr
    expected = re.search(r"The answer is `(.*?)`", section)
    assert expected is not None
    assert expected[1] in done.stdout
