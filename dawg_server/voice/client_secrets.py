"""Secrets for calls between a browser and the voice service, which this server cannot hear and cannot end.

The service tells nobody whether a secret was used, how often, or for how long. What is known is the most that it
allows: a call begins until the secret expires and lasts an hour. So much is counted and booked before it is given away.
"""

from __future__ import annotations

from dawg_server.costs import Costs, Usage
from dawg_server.database import voice_sessions
from dawg_server.database.pool import Database
from dawg_server.voice import limits
from dawg_server.voice.billing import SERVICE, UsageMeter, most_of
from dawg_server.voice.dialect.settings import SessionSettings
from dawg_server.voice.realtime import MintedSecret, Realtime


class ClientSecrets:
    def __init__(self, database: Database, costs: Costs, realtime: Realtime, allowed: limits.VoiceLimits) -> None:
        self._database, self._costs, self._realtime, self._limits = database, costs, realtime, allowed

    async def mint(self, user_id: str, project_id: str | None, settings: SessionSettings, seconds: int) -> MintedSecret:
        """A secret that begins calls for so many `seconds`. It is one of the user's sessions until the last call ends.

        Raises `SessionLimit`, `BudgetExceeded`, `ProviderFailed`, `ProviderTimeout` and `DependencyUnavailable`.
        """
        talked = reserved_seconds(seconds)
        grant = await limits.open_session(self._database, user_id, self._limits, reserved_seconds=talked)
        try:
            reservation = await UsageMeter.reserve(self._costs, user_id, self._realtime.model, minutes=talked / 60)
            try:
                secret = await self._realtime.mint(settings, seconds)
                await voice_sessions.confirm(self._database, grant.id, seconds + limits.CALL_SECONDS)
                reservation.add(self._usage(grant.id, project_id, talked))
            except BaseException:
                await reservation.settle(outcome="failed")
                raise
        except BaseException:
            await voice_sessions.end(self._database, grant.id)
            raise
        await reservation.settle()
        return secret

    def _usage(self, grant_id: str, project_id: str | None, talked: int) -> Usage:
        return Usage(
            SERVICE,
            self._realtime.model,
            "voice-secret",
            most_of(talked / 60),
            grant_id,
            project_id=project_id,
            metered=False,
            metadata={"estimated": True, "seconds": talked},
        )


def reserved_seconds(seconds: int) -> int:
    """The length of all calls of full length that can begin, one after the other, within so many `seconds`."""
    return limits.CALL_SECONDS * (seconds // limits.CALL_SECONDS + 1)
