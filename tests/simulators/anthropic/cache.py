"""Counts prompt tokens as the prompt cache would bill them: what was seen up to a mark is read, the rest is paid."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.anthropic import rules

CHARACTERS_PER_TOKEN = 4
MIN_CACHED_TOKENS = 1024  # a shorter prefix is not cached and gives no error


class PromptCache:
    def __init__(self) -> None:
        self._prefixes: set[str] = set()

    def count(self, body: Mapping[str, Any]) -> tuple[int, int, int]:
        """(fresh input, cache write, cache read) tokens of this request, which then is in the cache itself."""
        digest, total, marked, read = hashlib.sha256(str(body["model"]).encode()), 0, 0, 0
        blocks = list(rules.cacheable(body))
        fresh: list[tuple[int, str]] = []
        for place, block in enumerate(blocks):
            bare = {key: value for key, value in block.items() if key != "cache_control" and value is not None}
            encoded = json.dumps(bare, sort_keys=False)
            digest.update(encoded.encode())
            total += max(1, len(encoded) // CHARACTERS_PER_TOKEN)
            prefix = digest.hexdigest()
            if prefix in self._prefixes:
                read = total
            if block.get("cache_control") or (body.get("cache_control") and place == len(blocks) - 1):
                marked = total
                fresh.append((total, prefix))
        if marked < MIN_CACHED_TOKENS:
            return total, 0, 0
        self._prefixes.update(prefix for size, prefix in fresh if size >= MIN_CACHED_TOKENS)
        read = min(read, marked)
        return total - marked, marked - read, read
