"""A Ryu application for tests: how long the hub was kept from a thread that only wants to wake up.

Every half second a line of the longest gap since the last one, in milliseconds, goes to $HUB_GAPS.
"""

import os
import time
from pathlib import Path
from typing import Any

from ryu.base.app_manager import RyuApp
from ryu.lib import hub

EVERY = 0.001
LINE_EVERY = 0.5


class HubGaps(RyuApp):  # type: ignore[misc]  # Ryu carries no types
    def start(self) -> Any:
        super().start()
        return hub.spawn(self._measure)

    def _measure(self) -> None:
        with Path(os.environ["HUB_GAPS"]).open("a") as lines:
            while True:
                worst, end = 0.0, time.monotonic() + LINE_EVERY
                last = time.monotonic()
                while last < end:
                    hub.sleep(EVERY)
                    now = time.monotonic()
                    worst, last = max(worst, now - last - EVERY), now
                print(f"{worst * 1000:.2f}", file=lines, flush=True)
