"""A stand-in for Replicate on loopback, as the `replicate` 1.0.7 SDK speaks to it.

    async with replicate.ReplicateSimulator(token="r8_key") as service:
        service.plan({"drums": replicate.File(wav)}, progress=[20, 60], predict_seconds=12.5)
        client = Client(api_token="r8_key", base_url=service.base_url)
        ...
        assert len(service.predictions) == 1  # bought once

`speed` (100) is how many seconds pass for the service in one real second; all seconds of a plan are the service's.
"""

from tests.simulators.loopback import File
from tests.simulators.replicate.plan import (
    Plan,
    Refusal,
    broken,
    invalid,
    no_credit,
    not_found,
    throttled,
    unauthorized,
)
from tests.simulators.replicate.prediction import Prediction
from tests.simulators.replicate.server import Creation, ReplicateSimulator, Upload
from tests.simulators.replicate.webhooks import Delivery

__all__ = [
    "Creation",
    "Delivery",
    "File",
    "Plan",
    "Prediction",
    "Refusal",
    "ReplicateSimulator",
    "Upload",
    "broken",
    "invalid",
    "no_credit",
    "not_found",
    "throttled",
    "unauthorized",
]
