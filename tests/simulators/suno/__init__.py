"""A stand-in on loopback for the keyed gateways to Suno that share one API (sunoapi.org and its sibling).

    async with suno.SunoSimulator(key="sk", credits=24) as service:
        service.plan(suno.File(mp3, "a.mp3", "audio/mpeg"), suno.File(mp3, "b.mp3", "audio/mpeg"))
        async with aiohttp.ClientSession(service.base_url, headers={"Authorization": "Bearer sk"}) as session:
            ...
        assert len(service.tasks) == 1 and service.credits == 12  # bought once

`speed` (1000) is how many seconds pass for the service in one real second; all seconds of a plan are the service's.
`limited=True, speed=1` makes it count requests. Callbacks go to this machine only.
"""

from tests.simulators.loopback import File
from tests.simulators.suno.plan import (
    Plan,
    Refusal,
    broken,
    invalid,
    maintenance,
    no_credit,
    too_frequent,
    too_long,
    unauthorized,
)
from tests.simulators.suno.server import Creation, Delivery, SunoSimulator
from tests.simulators.suno.task import Task

__all__ = [
    "Creation",
    "Delivery",
    "File",
    "Plan",
    "Refusal",
    "SunoSimulator",
    "Task",
    "broken",
    "invalid",
    "maintenance",
    "no_credit",
    "too_frequent",
    "too_long",
    "unauthorized",
]
