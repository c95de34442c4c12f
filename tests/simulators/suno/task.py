"""One task: two songs or one separation, its statuses, and its JSON in both dialects."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from tests import patience
from tests.simulators.suno.plan import FAILURES, STAGES, Plan

_CREATED_MS = 1_795_348_800_000
_STEMS = (
    "vocal",
    "instrumental",
    "backingVocals",
    "drums",
    "bass",
    "guitar",
    "piano",
    "keyboard",
    "percussion",
    "strings",
    "synth",
    "fx",
    "brass",
    "woodwinds",
)
_SNAKE = {
    "audioUrl": "audio_url",
    "sourceAudioUrl": "source_audio_url",
    "streamAudioUrl": "stream_audio_url",
    "sourceStreamAudioUrl": "source_stream_audio_url",
    "imageUrl": "image_url",
    "modelName": "model_name",
}  # `createTime` keeps its name in both dialects


class Task:
    """What was asked and what became of it. `credits` is what it cost; `urls` are filled as files are published."""

    def __init__(self, serial: int, body: dict[str, Any], headers: Mapping[str, str], plan: Plan, credits: int) -> None:
        self.id = hashlib.md5(f"task {serial}".encode()).hexdigest()
        self.body = body
        self.headers = headers
        self.plan = plan
        self.credits = credits
        self.separation = "audioId" in body
        self.status = "PENDING"
        self.reached: list[str] = []
        self.reads = 0
        self.read_at: list[float] = []
        self.ended = asyncio.Event()
        self.audio_ids = [str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.id} {n}")) for n in range(2)]
        self.urls: dict[str, str] = {}

    @property
    def stages(self) -> tuple[str, ...]:
        """The statuses after `PENDING`."""
        if self.plan.stages is not None:
            return tuple(self.plan.stages)
        return ("SUCCESS",) if self.separation else STAGES

    async def over(self) -> Task:
        """Waits until the last stage has been reached."""
        await asyncio.wait_for(self.ended.wait(), patience.SECONDS)
        return self

    def reach(self, status: str) -> None:
        self.status = status
        self.reached.append(status)
        if len(self.reached) == len(self.stages):
            self.ended.set()

    def next_read(self) -> Any:
        """The fault planned for this read, None for a good answer."""
        self.reads += 1
        return self.plan.reads[self.reads - 1] if self.reads <= len(self.plan.reads) else None

    def songs(self, *, snake_case: bool = False) -> list[dict[str, Any]]:
        """What is known of the two songs so far: a stream first, the first file, then both."""
        if self.status == "PENDING" or self.separation:
            return []
        files_ready = {"TEXT_SUCCESS": 0, "FIRST_SUCCESS": 1}.get(self.status, 2)
        found = [self._song(n, ready=n < files_ready) for n in range(len(self.plan.songs))]
        if snake_case:
            return [{_SNAKE.get(name, name): value for name, value in song.items()} for song in found]
        return found

    def stem_urls(self) -> dict[str, str | None]:
        """`vocalUrl`, `drumsUrl` and so on; null for what this kind of separation does not give."""
        return {f"{name}Url": self.urls.get(name) for name in ("origin", *_STEMS)}

    def record(self) -> dict[str, Any]:
        """`data` of the record-info calls."""
        failed = self.status in FAILURES
        common = {
            "taskId": self.id,
            "errorCode": (400 if self.status == "SENSITIVE_WORD_ERROR" else 501) if failed else None,
            "errorMessage": (self.plan.error or self.status) if failed else None,
            "createTime": _CREATED_MS,
        }
        if self.separation:
            done = self.status == "SUCCESS"
            return common | {
                "musicId": self.body["taskId"],
                "audioId": self.body["audioId"],
                "callbackUrl": self.body["callBackUrl"],
                "completeTime": _CREATED_MS + 83_000 if done else None,
                "response": self.stem_urls() if done else None,
                "successFlag": self.status,
            }
        return common | {
            "parentMusicId": "",
            "param": json.dumps(self.body),
            "response": self._response(),
            "status": self.status,
            "type": "GENERATE",
            "operationType": "generate",
        }

    def _response(self) -> dict[str, Any] | None:
        if not self.songs():
            return None
        if self.plan.snake_case:
            return {"task_id": self.id, "data": self.songs(snake_case=True)}
        return {"taskId": self.id, "sunoData": self.songs()}

    def _song(self, n: int, *, ready: bool) -> dict[str, Any]:
        audio = self.urls[f"song {n}"] if ready else ""
        return {
            "id": self.audio_ids[n],
            "audioUrl": audio,
            "sourceAudioUrl": audio,
            "streamAudioUrl": self.urls[f"stream {n}"],
            "sourceStreamAudioUrl": self.urls[f"stream {n}"],
            "imageUrl": f"{self.urls[f'stream {n}']}.jpeg",
            "prompt": self._words(),
            "modelName": "chirp-auk",
            "title": self.body.get("title") or "Untitled",
            "tags": self.body.get("style", ""),
            "createTime": _CREATED_MS,
            "duration": self.plan.durations[n] if ready else None,
        }

    def _words(self) -> str:
        """In simple mode `prompt` is a description in the request and the lyrics in the answer."""
        asked = str(self.body.get("prompt", ""))
        return asked if self.body.get("customMode") or self.plan.lyrics is None else self.plan.lyrics
