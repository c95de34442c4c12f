"""The ledger as a file, in parts, so that a long one never lies in memory as a whole."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from dawg_server.wire import timestamp
from handlers.rest import endpoint

HEADER = ("Date", "Service", "Operation", "Input Tokens", "Output Tokens", "Audio Minutes", "Characters", "Cost")

Pages = AsyncIterator[list[dict[str, Any]]]


async def csv_rows(pages: Pages) -> AsyncGenerator[bytes]:
    """RFC 4180: lines end in CRLF, and cells with commas, quotes or line ends are quoted."""
    yield _csv([HEADER])
    async for rows in pages:
        yield _csv([_cells(row) for row in rows])


async def json_rows(pages: Pages, view: Callable[[dict[str, Any]], dict[str, Any]]) -> AsyncGenerator[bytes]:
    """One object: `{success, data, count}`."""
    count = 0
    before = b'{"success":true,"data":['
    async for rows in pages:
        yield before + b",".join(endpoint.dumps(view(row)) for row in rows)
        before = b","
        count += len(rows)
    yield (b"" if count else before) + b'],"count":%d}' % count


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    minutes = (row["audio_in_seconds"] + row["audio_out_seconds"]) / 60
    return (
        timestamp(row["created_at"]),
        _harmless(row["service"]),
        _harmless(row["operation"]),
        row["input_tokens"] + row["cached_tokens"],
        row["output_tokens"],
        f"{minutes:.4f}",
        row["characters"],
        f"{row['total_cost']:.6f}",
    )


def _harmless(text: str) -> str:
    """Spreadsheets run cells that begin like a formula; an apostrophe makes them text (OWASP, CSV injection)."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _csv(rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
