"""Socket tests talk to the server as browsers do."""

from tests.javascript.fixtures import javascript, node  # noqa: F401
