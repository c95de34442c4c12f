"""A song sheet by a model, from rough lyrics. It sorts lines by their numbers; the words are those of the input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dawg_server.claude.structured import StructuredRequest
from dawg_server.lyrics import labels, reading, structure
from dawg_server.prompt_data import tagged
from dawg_server.schema import Choice, FieldError, Items, Record, Text, parameters

MAX_PARTS, MAX_RANGES, MAX_NAMED = 100, 200, 20
ONCE = ("chorus", "bridge")

RULES = f"""You sort the rough lyrics of a song into verses, one chorus and one bridge for the musician who writes it.
Each line stands after its number; blank lines are left out.

Give the parts in the order in which they are first sung, each as ranges of lines; the ranges of one part need not be
neighbours, and are sung in the order in which you give them. There is at most one chorus and at most one bridge. Lines
that only say what a line of a part says already may be left out; every other sung line has to be in exactly one part,
or in `removed` with the reason. Remove only what does not belong into the song. Do not sort lines that only name a
section ([Chorus]). `structure` is the form of the whole song as it is sung, repetitions included. `suggestions` are up
to ten short pieces of advice about this song in plain English.

{reading.DATA}"""
REQUEST = StructuredRequest(
    "lyrics-organize",
    reading.WHAT,
    RULES,
    reading.MAX_TOKENS,
    fields=parameters(
        {
            "parts": Items(
                Record(
                    parameters(
                        {
                            "kind": Choice(("verse", *ONCE), required=True),
                            "ranges": Items(Record(parameters(reading.LINES)), 1, MAX_RANGES, required=True),
                        }
                    )
                ),
                1,
                MAX_PARTS,
                required=True,
            ),
            "removed": Items(
                Record(parameters({**reading.LINES, "reason": Text(1, 300, required=True)})),
                0,
                MAX_RANGES,
                required=True,
            ),
            "structure": Items(
                Choice([kind for kind in labels.SECTION_TYPES if kind != labels.UNKNOWN]), 1, MAX_PARTS, required=True
            ),
            "suggestions": Items(Text(1, 500), 0, 10, required=True),
        }
    ),
)


def about(lyrics: str) -> str:
    """The data for `REQUEST`."""
    return tagged("lyrics", reading.numbered(lyrics))


def sorted_out(values: Mapping[str, Any], lyrics: str) -> dict[str, Any]:
    """`{verses[], chorus, bridge, suggestions[], structure}` from the answer to `REQUEST`.

    Every sung line is in one of the texts, or quoted in a suggestion as removed. Raises `FieldError`.
    """
    sung = _sung(lyrics)
    size, used = len(lyrics.split("\n")), set[int]()
    texts: list[tuple[str, list[str]]] = []
    for at, part in enumerate(values["parts"]):
        numbers = _take(part["ranges"], size, used, sung, f"parts.{at}")
        texts.append((part["kind"], [sung[number] for number in numbers]))
    removed = [
        (_take([each], size, used, sung, f"removed.{at}"), each["reason"]) for at, each in enumerate(values["removed"])
    ]
    _nothing_lost(sung, used, {line for _, text in texts for line in text})
    once = {kind: [text for found, text in texts if found == kind] for kind in ONCE}
    for kind, found in once.items():
        _consistent(kind, len(found), values["structure"])
    written = {kind: "\n".join(found[0]) if found else None for kind, found in once.items()}
    return {
        "verses": ["\n".join(text) for kind, text in texts if kind == "verse"],
        **written,
        "suggestions": [*values["suggestions"], *(_quoted([sung[n] for n in lines], why) for lines, why in removed)],
        "structure": "-".join(structure.title(kind) for kind in values["structure"]),
    }


def _sung(lyrics: str) -> dict[int, str]:
    """Line number -> the words that are sung there."""
    read = {
        number: labels.read(line)[1]
        for number, line in enumerate(lyrics.split("\n"))
        if line.strip() and not labels.is_separator(line)
    }
    return {number: words for number, words in read.items() if words}


def _take(
    ranges: Iterable[Mapping[str, Any]], size: int, used: set[int], sung: Mapping[int, str], path: str
) -> list[int]:
    """The sung lines of some ranges, which nobody may have used before."""
    taken: list[int] = []
    for each in ranges:
        start, end = each["lineStart"], each["lineEnd"]
        if not start <= end < size:
            raise FieldError({path: f"has to lie between the lines 0 and {size - 1}, and to begin before it ends"})
        for number in range(start, end + 1):
            if number not in sung:
                continue
            if number in used:
                raise FieldError({path: f"names line {number} for the second time"})
            used.add(number)
            taken.append(number)
    if not taken:
        raise FieldError({path: "holds no sung line"})
    return taken


def _nothing_lost(sung: Mapping[int, str], used: set[int], written: set[str]) -> None:
    lost = [str(number) for number, words in sung.items() if number not in used and words not in written]
    if lost:
        more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
        named = ", ".join(lost[:MAX_NAMED]) + more
        raise FieldError({"parts": f"leave out the sung lines {named}: put them into a part, or name them in removed"})


def _consistent(kind: str, times: int, form: Sequence[str]) -> None:
    if times > 1:
        raise FieldError(
            {"parts": f"have {times} entries for the {kind}: write it once, and leave out what it repeats"}
        )
    if bool(times) != (kind in form):
        raise FieldError({"structure": f"has to name a {kind} exactly when there is one among the parts"})


def _quoted(lines: Sequence[str], why: str) -> str:
    return f"Removed: {' / '.join(f'“{line}”' for line in lines)}. {why}"
