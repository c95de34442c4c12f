"""Secrets for calls between a browser and the voice service, which this server cannot hear and cannot end.

The service tells nobody whether a secret was used, how often, or for how long. What is known is the most that it
allows: a call begins until the secret expires and lasts an hour. So much is counted and booked before it is given away.
"""

from __future__ import annotations

import uuid

from dawg_server.costs import Costs, Usage
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database
from dawg_server.voice import limits as limits_
from dawg_server.voice.dialect import session
from dawg_server.voice.meter import SERVICE, Meter, talk
from dawg_server.voice.realtime import Realtime, Secret


class ClientSecrets:
    def __init__(self, database: Database, costs: Costs, realtime: Realtime, limits: limits_.VoiceLimits) -> None:
        self._database, self._costs, self._realtime, self._limits = database, costs, realtime, limits

    async def mint(self, user_id: str, project_id: str | None, settings: session.Settings, seconds: int) -> Secret:
        """A secret that begins calls for so many `seconds`. It is one of the user's sessions until the last call ends.

        Raises `SessionLimit`, `BudgetExceeded`, `ProviderFailed`, `ProviderTimeout` and `DependencyUnavailable`.
        """
        row_id = str(uuid.uuid4())
        talked = reserved_seconds(seconds)
        await limits_.open_session(self._database, row_id, user_id, self._limits, reserved_seconds=talked)
        try:
            reservation = await Meter.reserve(self._costs, user_id, self._realtime.model, minutes=talked / 60)
            try:
                secret = await self._realtime.mint(settings, seconds)
                await voice_sessions.confirm(self._database, row_id, seconds + limits_.CALL_SECONDS)
                reservation.add(self._usage(row_id, project_id, talked))
            except BaseException:
                await reservation.settle(outcome="failed")
                raise
        except BaseException:
            await voice_sessions.end(self._database, row_id)
            raise
        await reservation.settle()
        return secret

    def _usage(self, row_id: str, project_id: str | None, talked: int) -> Usage:
        return Usage(
            SERVICE,
            self._realtime.model,
            "voice-secret",
            talk(talked / 60),
            row_id,
            project_id=project_id,
            metered=False,
            metadata={"estimated": True, "seconds": talked},
        )


def reserved_seconds(seconds: int) -> int:
    """The length of all calls of full length that can begin, one after the other, within so many `seconds`."""
    return limits_.CALL_SECONDS * (seconds // limits_.CALL_SECONDS + 1)
