"""Counts prompt tokens as the prompt cache would bill them: what was seen up to a mark is read, the rest is paid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.anthropic import rules

CHARACTERS_PER_TOKEN = 4
LOOK_BACK = 20  # blocks before a mark in which a cached prefix is found
MIN_CACHED_TOKENS = 1024  # a shorter prefix is not cached and gives no error


class PromptCache:
    def __init__(self) -> None:
        self._prefixes: set[str] = set()

    def count(self, body: Mapping[str, Any]) -> tuple[int, int, int]:
        """(fresh input, cache write, cache read) tokens of this request, which then is in the cache itself."""
        digest, total, marked = hashlib.sha256(str(body["model"]).encode()), 0, 0
        cached: list[tuple[int, int]] = []  # (place, tokens) of prefixes that are in the cache
        marks: list[int] = []
        blocks = list(rules.cacheable(body))
        fresh: list[tuple[int, str]] = []
        for place, block in enumerate(blocks):
            bare = {key: value for key, value in block.items() if key != "cache_control" and value is not None}
            encoded = json.dumps(bare, sort_keys=False)
            digest.update(encoded.encode())
            total += max(1, len(encoded) // CHARACTERS_PER_TOKEN)
            prefix = digest.hexdigest()
            if prefix in self._prefixes:
                cached.append((place, total))
            if block.get("cache_control") or (body.get("cache_control") and place == len(blocks) - 1):
                marked = total
                marks.append(place)
                fresh.append((total, prefix))
        if marked < MIN_CACHED_TOKENS:
            return total, 0, 0
        self._prefixes.update(prefix for size, prefix in fresh if size >= MIN_CACHED_TOKENS)
        found = (size for place, size in cached if any(0 <= mark - place <= LOOK_BACK for mark in marks))
        read = min(max(found, default=0), marked)
        return total - marked, marked - read, read
