"""One prediction: its state, its JSON, and its way from `starting` to an end."""

from __future__ import annotations

import asyncio
import base64
import datetime
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests import patience
from tests.simulators.loopback import File
from tests.simulators.replicate.plan import Plan, Status

ENDS: frozenset[Status] = frozenset(("succeeded", "failed", "canceled", "aborted"))
EVENTS = ("start", "output", "logs", "completed")


class Prediction:
    """What was asked and what became of it. Moments are seconds of the service's own time."""

    def __init__(self, serial: int, body: dict[str, Any], model: str, headers: Mapping[str, str], plan: Plan) -> None:
        digest = hashlib.sha256(f"prediction {serial}".encode()).digest()
        self.id = base64.b32encode(digest)[:26].decode().lower()
        self.body = body
        self.input: dict[str, Any] = body["input"]
        self.model = model
        self.version: str = body.get("version", "hidden")
        self.headers = headers
        self.plan = plan
        self.status: Status = "starting"
        self.logs = ""
        self.error: str | None = None
        self.output: Any = None
        self.reads = 0
        self.cancels = 0
        self.created = datetime.datetime.now(datetime.UTC)
        self.started: float | None = None
        self.completed: float | None = None
        self.began = 0.0
        self.ended = asyncio.Event()
        self.expired = False

    @property
    def charged(self) -> bool:
        """Whether the account pays: for everything that has started, however it ended."""
        return self.started is not None

    @property
    def predict_seconds(self) -> float | None:
        """What `metrics.predict_time` says."""
        if self.started is None or self.completed is None:
            return None
        return round(self.completed - self.started, 6)

    def files(self) -> Iterator[File]:
        """Every file in the planned output."""
        yield from _files(self.plan.output)

    def start(self, now: float) -> None:
        self.status, self.started = "processing", now

    def show_progress(self, percent: int, total: int = 500) -> None:
        """One more bar in the logs, as tqdm draws it."""
        done = total * percent // 100
        bar = ("█" * (percent // 10)).ljust(10)
        self.logs += f"\r{percent:3d}%|{bar}| {done}/{total} [00:0{percent // 12}<00:03, 37.10it/s]\n"

    def finish(self, status: Status, now: float, output: Any = None, error: str | None = None) -> None:
        """The first end counts; later ones change nothing."""
        if self.status in ENDS:
            return
        self.status, self.completed, self.output = status, now, output
        self.error = error
        self.ended.set()

    async def over(self) -> Prediction:
        """Waits until this prediction has ended."""
        await asyncio.wait_for(self.ended.wait(), patience.SECONDS)
        return self

    def expire(self) -> None:
        """What happens an hour after the end: the files are deleted and the record forgets input, output and logs."""
        self.expired = True
        for file in self.files():
            file.deleted = True

    def wants(self, event: str) -> bool:
        """Whether a webhook for this event was asked for."""
        return bool(self.body.get("webhook")) and event in self.body.get("webhook_events_filter", EVENTS)

    def as_json(self, base_url: str) -> dict[str, Any]:
        url = f"{base_url}/v1/predictions/{self.id}"
        found: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "version": self.version,
            "input": {} if self.expired else self.input,
            "logs": "" if self.expired else self.logs,
            "output": None if self.expired else self.output,
            "data_removed": self.expired,
            "error": self.error,
            "status": self.status,
            "source": "api",
            "created_at": self._time(0.0),
            "started_at": None if self.started is None else self._time(self.started - self.began),
            "completed_at": None if self.completed is None else self._time(self.completed - self.began),
            "urls": {"get": url, "cancel": f"{url}/cancel", "web": f"{base_url}/p/{self.id}"},
            "metrics": {},
        }
        if self.completed is not None:
            found["metrics"]["total_time"] = round(self.completed - self.began, 6)
            if self.predict_seconds is not None:
                found["metrics"]["predict_time"] = self.predict_seconds
        return found

    def _time(self, after: float) -> str:
        moment = self.created + datetime.timedelta(seconds=after)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _files(tree: Any) -> Iterator[File]:
    if isinstance(tree, File):
        yield tree
    elif isinstance(tree, Mapping):
        for leaf in tree.values():
            yield from _files(leaf)
    elif isinstance(tree, list | tuple):
        for leaf in tree:
            yield from _files(leaf)
