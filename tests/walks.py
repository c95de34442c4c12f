"""Follows one walk through the server: which of our modules it enters, and which statements it sends to Postgres.

    with walks.traced() as walk:
        ...
    print(walk)

Statements are counted where they leave for Postgres, so a batch is one round trip with several statements.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from dawg_server.database import pool

ROOT = Path(__file__).parents[1]
OURS = tuple(f"{ROOT / name}/" for name in ("bus", "dawg_server", "handlers"))
ANONYMOUS = re.compile(r"Task-\d+")
QUEUE = re.compile(r"procrastinate_(?!defer|job_to_defer)")
TRANSACTION = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)


@dataclass
class Walk:
    """`modules` in the order in which they were entered; `round_trips`: what was sent to Postgres, one text each."""

    modules: list[str] = field(default_factory=list)
    round_trips: list[str] = field(default_factory=list)

    @property
    def statements(self) -> list[str]:
        """Without what only begins or ends a transaction, and without those of the job queue's library."""
        return [sql for sql in self._words if not TRANSACTION.match(sql) and not QUEUE.search(sql)]

    @property
    def _words(self) -> list[str]:
        """With BEGIN and COMMIT apart from what they travel with."""
        found: list[str] = []
        for sql in self.round_trips:
            if sql.startswith("BEGIN;\n"):
                found.append("BEGIN")
            found.append(sql.removeprefix("BEGIN;\n").removesuffix(";\nCOMMIT"))
            if sql.endswith(";\nCOMMIT"):
                found.append("COMMIT")
        return found

    @property
    def transactions(self) -> int:
        """Statements outside of any are transactions of their own."""
        count, inside = 0, 0
        for sql in self._words:
            word = match.group(1).upper() if (match := TRANSACTION.match(sql)) else ""
            if word == "BEGIN":
                count, inside = count + 1, inside + 1
            elif word:
                inside -= 1
            elif not inside:
                count += 1
        return count

    def __str__(self) -> str:
        statements = [" ".join(sql.split())[:110] for sql in self.round_trips]
        return "\n".join(
            [
                f"{len(self.modules)} modules:",
                *(f"  {name}" for name in self.modules),
                f"{len(self.statements)} statements in {self.transactions} transactions:",
                *(f"  {sql}" for sql in statements),
            ]
        )


@contextlib.contextmanager
def traced(*, follow: Collection[str] = ()) -> Iterator[Walk]:
    """Records what this thread does, and threads that begin meanwhile.

    Tasks with a name that run already are the server's side tasks, which only happen to be at work: they are left out,
    unless their name is in `follow`.
    """
    walk = Walk()
    seen: dict[str, None] = {}
    apart = {
        task
        for task in asyncio.all_tasks()
        if not ANONYMOUS.fullmatch(task.get_name()) and task.get_name() not in follow
    } - {asyncio.current_task()}

    def enter(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (file := frame.f_code.co_filename).startswith(OURS) and not is_apart():
            seen.setdefault(file)

    def is_apart() -> bool:
        try:
            return asyncio.current_task() in apart
        except RuntimeError:  # a thread without a loop
            return False

    original = pool.Connection._run

    async def counted(self: pool.Connection, sql: str, parameters: Any) -> Any:
        if not is_apart():
            walk.round_trips.append(f"BEGIN;\n{sql}" if self._unbegun else sql)
        return await original(self, sql, parameters)

    pool.Connection._run = counted  # type: ignore[method-assign]
    threading.setprofile(enter)
    sys.setprofile(enter)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        pool.Connection._run = original  # type: ignore[method-assign]
        walk.modules.extend(str(Path(file).relative_to(ROOT)).removesuffix(".py") for file in seen)
