"""orjson with the face of the standard library's `json`, for the packets that python-socketio encodes itself."""

from __future__ import annotations

from typing import Any

import orjson


def dumps(data: Any, **_: Any) -> str:
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()


def loads(text: str | bytes, **_: Any) -> Any:
    return orjson.loads(text)
