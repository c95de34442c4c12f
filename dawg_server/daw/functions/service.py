"""Runs functions of the catalogue for assistants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from dawg_server import errors
from dawg_server.daw import commands
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document
from dawg_server.daw.functions.catalogue import Catalogue, FunctionCall


@dataclass(frozen=True, slots=True)
class Result:
    """What the model and the browser are told: `message` is a sentence, `data` the new state of what changed."""

    message: str
    data: dict[str, Any] = field(default_factory=dict)
    revision: int | None = None
    job_id: str | None = None

    def json(self) -> dict[str, Any]:
        return {
            "success": True,
            "message": self.message,
            "data": self.data,
            "revision": self.revision,
            "jobId": self.job_id,
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One call on behalf of `by` in one project. `group` is the undo group of the whole turn.

    `base_url` is the address under which the user reached the server: the links of a job's news begin with it.
    """

    document: Document
    project_id: str
    by: Actor
    arguments: dict[str, Any]
    group: str | None = None
    base_url: str = ""

    async def change(self, message: str, command: str, /, **parameters: Any) -> Result:
        """Executes one command; its result is the data. The function's declaration has checked the parameters, whose
        fields are the command's own."""
        values = {**commands.find(command).parameters.defaults, **parameters}
        executed = await self.document.execute(
            self.project_id, [Command(command, values, checked=True)], self.by, group=self.group
        )
        return Result(message, executed.results[0], executed.revision)


Executor = Callable[[Task], Awaitable[Result]]


class Functions:
    """`catalogue` says what there is; executors do it. Other parts register theirs when the server is put together."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue or Catalogue()
        self._document = document
        self._executors: dict[str, Executor] = {}

    def register(self, name: str, executor: Executor) -> None:
        """Who runs a function of the server, or begins the job of one; the last one counts."""
        assert self.catalogue.find(name).name == name and self.catalogue.find(name).run != "client"
        self._executors[name] = executor

    async def run(
        self, name: str, arguments: Any, *, project_id: str, by: Actor, group: str | None = None, base_url: str = ""
    ) -> Result:
        """Checks and runs a function of the server or of jobs, by name or alias.

        Raises `ValidationError` also for functions of the browser, which are not run here; `NotFound`, whose details
        list the `valid` ids and names; `Conflict` for what this server has nobody to do; and whatever commands raise.
        """
        try:
            call = self.catalogue.resolve(name, arguments)
            return await self._run(call, Task(self._document, project_id, by, call.arguments, group, base_url))
        except (errors.NotFound, errors.ValidationError) as error:
            raise await self._with_targets(error, project_id, by) from None

    async def _run(self, call: FunctionCall, task: Task) -> Result:
        if call.function.run == "client":
            raise errors.ValidationError(f"{call.function.name} is run by the browser, not by the server.")
        executor = self._executors.get(call.function.name)
        if executor is None:
            raise errors.Conflict(
                f"{call.function.name} is not available on this server.", details={"function": call.function.name}
            )
        return await executor(task)

    async def _with_targets(self, error: errors.DawgError, project_id: str, by: Actor) -> errors.DawgError:
        """The same error, with what there is to choose from when a track, clip or send was named wrongly."""
        details = dict(error.details or {})
        wrong = [name for name in details if name.split(".")[0].lower().endswith(("trackid", "clipid", "sendid"))]
        wrong += [name for name in details if name.split(".")[0] in ("trackIds", "clipIds", "outputDestination")]
        if not wrong and details.get("kind") not in ("track", "clip", "send"):
            return error
        try:
            project = await self._document.snapshot(project_id, by.user_id)
        except errors.DawgError:
            return error
        about = str(details.get("kind") or wrong[0]).lower()
        return type(error)(error.message, details={**details, "valid": _targets(project, about)})


def _targets(project: dict[str, Any], about: str) -> list[dict[str, Any]]:
    if "clip" in about:
        return [
            {"id": clip["id"], "name": clip["name"], "trackId": track["id"]}
            for track in project["tracks"]
            for clip in track["clips"]
        ]
    if "send" in about:
        return [
            {"id": send["id"], "sourceTrackId": track["id"], "destinationTrackId": send["destinationTrackId"]}
            for track in project["tracks"]
            for send in track["sends"]
        ]
    return [{"id": track["id"], "name": track["name"], "trackType": track["trackType"]} for track in project["tracks"]]
