"""What needs nobody else: the machine, who may come in, and which keys are set."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator

from dawg_server.doctor.findings import Finding, bad, good, judge, note
from dawg_server.settings import Settings

LEAST_DISK = 2 * 2**30  # bytes
LEAST_MEMORY = 512 * 2**20  # bytes


def examine(settings: Settings) -> Iterator[Finding]:
    yield judge((3, 11) <= sys.version_info[:2] < (3, 14), "Python", sys.version.split()[0], "Use 3.11, 3.12 or 3.13.")
    try:
        with socket.create_server((settings.host or "", settings.port)):
            yield good("port", f"{settings.port} is free.")
    except OSError:
        yield note("port", f"{settings.port} is in use; fine if that is this server, else set PORT.")
    folder = settings.data_dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield bad("DATA_DIR", f"{folder} cannot be used ({error.strerror}). Set DATA_DIR to another folder.")
        return
    writable = os.access(folder, os.W_OK | os.X_OK)
    yield judge(writable, "DATA_DIR", f"{folder} can be written.", f"{folder} cannot be written: change its owner.")
    yield judge(
        free >= LEAST_DISK,
        "disk",
        f"{free / 2**30:.1f} GiB free.",
        f"Only {free / 2**20:.0f} MiB free: make room, or set DATA_DIR to another disk.",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield judge(memory >= LEAST_MEMORY, "memory", f"{memory / 2**30:.1f} GiB.", "512 MiB or more are needed to render.")


def identity(settings: Settings) -> Iterator[Finding]:
    if settings.secured:
        yield good("sign-in", "Tokens are checked.")
    elif settings.exposed:
        yield bad("sign-in", f"Callers are believed to be who they say, and {settings.exposed}. Set JWT_SECRET.")
    else:
        yield note("sign-in", "Development mode: callers are believed. Only this machine can reach the server.")
    if settings.jwt_jwks_url and ("any" in settings.jwt_audience or not settings.jwt_issuer):
        yield note(
            "JWT_AUDIENCE", "Tokens made for other programs are accepted, unless JWT_AUDIENCE and JWT_ISSUER name ours."
        )
    if settings.smtp_url:
        yield good("SMTP_URL", f"Set. Links for forgotten passwords lead to {settings.page}. It is not tried.")
    elif settings.jwt_secret:
        yield note(
            "SMTP_URL",
            "Not set: print links for forgotten passwords with `python -m dawg_server accounts reset <address>`.",
        )
    yield note("CORS_ORIGINS", f"Browsers may call from {', '.join(settings.cors_origins)}.")
    if not settings.link_base:
        yield note("PUBLIC_URL", "Not set: links begin with the address that each request came to.")


def keys(settings: Settings) -> Iterator[Finding]:
    services = (
        ("ANTHROPIC_API_KEY", settings.anthropic_key, "AI chat"),
        ("OPENAI_API_KEY", settings.openai_key, "realtime voice"),
        ("REPLICATE_API_KEY", settings.replicate_key, "MusicGen and Demucs"),
        ("SUNO_API_KEY", settings.suno_key, "songs with vocals"),
    )
    for name, key, use in services:
        if key:
            yield good(name, f"Set ({use}). It is not tried, because that would cost.")
        else:
            yield note(name, f"Not set: no {use}.")
