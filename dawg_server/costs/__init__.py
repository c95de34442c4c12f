"""What things cost: prices, the ledger, budgets and their alerts.

A paid call is made inside of a reservation. Money is reserved before it, in one atomic step; what the call has really
used is noted as soon as the service says so, and is booked in the end, also after an error or when the task is
cancelled. A cost above the estimate is booked in full.

    estimate = costs.estimate("anthropic", model, {"input_tokens": 4000, "output_tokens": max_tokens})
    async with costs.reserved(user_id, "anthropic", estimate) as reservation:     # may raise BudgetExceeded
        message = await client.messages.create(...)
        reservation.add(Usage(
            "anthropic", message.model, "lyrics", reported.anthropic(message.usage.model_dump()), message.id,
        ))

*A turn of the chat* reserves once the request is put together, with the `max_tokens` that the rest of the budget pays
for, books each message of the model (its usage is the last one of the stream, also when the turn is cancelled in the
middle), renews the reservation for the next one, and settles in the end. `costs.price(usage).amount` is what the
stream tells of each, `await costs.status(user_id)` what is left.

*A job* is checked when it is asked for and pays when it runs, maybe elsewhere and much later, so its reservation bears
the id of the job: `await costs.reserve(user_id, "suno", estimate, id=job_id)` at the request (429 at once instead of a
job that fails), `async with costs.reserved(user_id, "suno", estimate, id=job_id)` around each attempt, which checks
anew, and `await costs.release(job_id)` for a job that is cancelled while it waits. The request id is that of the
prediction or task, so an attempt that takes up a call which an earlier one has paid for books it only once. A failed
or cancelled call that was charged is added like any other.

*A voice session* reserves for its first minute, books each `response.done` and each transcription at once with
`await reservation.book(Usage("openai-realtime", model, "voice", reported.realtime(usage), response_id))`, and renews
for the next minute with `await reservation.renew(estimate)`; `BudgetExceeded` ends the session. In its `finally`:
`await reservation.settle()`.

Request ids are those of the service: message, response, item, prediction or task id, never one that a client chose,
as a second row under the same (service, request id) is taken for a repetition and left out.

When Postgres does not answer, `reserve` refuses (503), while `settle` and `book` never fail: the answer is in hand, and
its row waits in a file under `DATA_DIR` that survives a crash (see `ledger`).
"""

from dawg_server.costs.reservation import Reservation
from dawg_server.costs.service import Costs
from dawg_server.costs.usage import Usage

__all__ = ["Costs", "Reservation", "Usage"]
