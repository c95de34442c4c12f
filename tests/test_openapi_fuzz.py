"""Requests made from `/openapi.json` itself: none breaks the server, and every reply is one that is documented."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
import requests  # type: ignore[import-untyped]
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from tests.servers import dawg

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))  # requests per route and test run
SEED = os.environ.get("FUZZ_SEED")  # other requests than always
CONFORMANCE = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
LIMITS = {
    "REQUESTS_PER_MINUTE": "1000000",
    "JOBS_PER_MINUTE": "100000",
    "JOB_CONCURRENCY": "0",
    "JOBS_WAITING_PER_USER": "100000",
}


@pytest.mark.timeout(300 + 30 * EXAMPLES)
async def test_no_request_that_the_documents_allow_or_forbid_breaks_anything(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, **LIMITS) as server:
        _, document = await server.json("GET", "/openapi.json")
        with requests.Session() as session:
            found = await asyncio.to_thread(_fuzz, document, server.url, session)
        assert found == []
        assert (await server.json("GET", "/health"))[1]["status"] == "healthy"


def _fuzz(document: dict[str, Any], url: str, session: requests.Session) -> list[str]:
    found: dict[str, str] = {}
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        _probe(result.ok(), url, session, found)
    return list(found.values())


def _probe(operation: Any, url: str, session: requests.Session, found: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=SEED is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=_cases(operation))
    def probe(case: Any) -> None:
        if isinstance(case.query, dict):
            case.query.pop("wait", None)  # no job runs here, so it would be waited for in vain
        reply = case.call(base_url=url, session=session, timeout=20)
        problem = "" if reply.status_code != 500 else "a bug"
        try:
            case.validate_response(reply, checks=CONFORMANCE)
        except FailureGroup as failures:
            problem = " ".join(str(each) for each in failures.exceptions)
        if problem:
            name = f"{case.method} {case.path} -> {reply.status_code}"
            sent = f"{str(case.body)[:200]} {str(case.query)[:100]} {str(case.path_parameters)[:100]}"
            found.setdefault(name, f"{name}: {problem} {reply.text[:200]} for {sent}")

    (probe if SEED is None else seed(int(SEED))(probe))()


def _cases(operation: Any) -> st.SearchStrategy[Any]:
    good = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
    try:
        bad = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    except Exception:
        return good
    return st.one_of(good, bad)
