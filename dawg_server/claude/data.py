"""What people wrote, laid out for the model as data."""

from __future__ import annotations


def quoted(text: str) -> str:
    """Nothing inside can pretend to be the end of what it stands in."""
    return text.replace("<", "‹").replace(">", "›")


def tagged(name: str, text: str) -> str:
    """The text between `<name>` and `</name>`; the rules have to say that what stands there is data."""
    return f"<{name}>\n{quoted(text)}\n</{name}>"
