"""Record two runs and look at them in the browser.

    pip install 'autotrack[ui]'
    python examples/web_page.py

In a notebook, `autotrack.show()` as the last line of a cell shows the page below it. In a terminal, `autotrack ui`
does the same as this script, and goes on until Ctrl-C.
"""

from __future__ import annotations

import math
import sys
import time

import autotrack


def main() -> None:
    """Record two runs, then serve the page until the program is ended (at once with `--once`)."""
    for rate in (0.1, 0.02):
        with autotrack.start_run(name=f"rate {rate}", experiment="web page"):
            autotrack.log_param("rate", rate)
            for step in range(200):
                autotrack.log_metrics({"loss": math.exp(-step * rate / 5)}, step=step)
    print(autotrack.show())
    while "--once" not in sys.argv:
        time.sleep(1)


if __name__ == "__main__":
    main()
