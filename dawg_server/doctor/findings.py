"""What the doctor says: one line per thing that was looked at."""

from __future__ import annotations

import enum
from dataclasses import dataclass

PROBE_TIMEOUT = 5.0  # seconds


class Verdict(enum.Enum):
    """`NOTE` is no fault, but something that an operator should know."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "FIX"


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    what: str
    sentence: str


def good(what: str, sentence: str) -> Finding:
    return Finding(Verdict.GOOD, what, sentence)


def note(what: str, sentence: str) -> Finding:
    return Finding(Verdict.NOTE, what, sentence)


def bad(what: str, sentence: str) -> Finding:
    """`sentence` ends with what to do."""
    return Finding(Verdict.BAD, what, sentence)


def judge(fine: bool, what: str, yes: str, no: str) -> Finding:
    return good(what, yes) if fine else bad(what, no)


def report(findings: list[Finding]) -> str:
    width = max(len(finding.what) for finding in findings)
    lines = [f"  {finding.verdict.value:<4}  {finding.what:<{width}}  {finding.sentence}" for finding in findings]
    faults = sum(finding.verdict is Verdict.BAD for finding in findings)
    end = "Everything that is needed works." if not faults else f"{faults} to fix before the server works as it should."
    return "\n".join([*lines, "", end])


def healthy(findings: list[Finding]) -> bool:
    return all(finding.verdict is not Verdict.BAD for finding in findings)
