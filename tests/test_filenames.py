"""What a file is called when it is saved, whatever its owner called it."""

from __future__ import annotations

import re
import urllib.parse

import pytest

from dawg_server import filenames


@pytest.mark.parametrize(
    ("given", "plain", "whole"),
    [
        ("Night Drive.wav", "Night Drive.wav", "Night Drive.wav"),
        ("Night Drive", "Night Drive.wav", "Night Drive.wav"),
        ("Night Drive.mp3", "Night Drive.wav", "Night Drive.wav"),
        ("Night Drive.WAV ", "Night Drive.wav", "Night Drive.wav"),
        ("Mix v1.2", "Mix v1.2.wav", "Mix v1.2.wav"),
        ("Ünïted & “more”.flac", "United - more.wav", "Ünïted - -more.wav"),
        ('a "quoted"; name.wav', "a -quoted- name.wav", "a -quoted- name.wav"),
        ("line\r\nSet-Cookie: a=b.wav", "line-Set-Cookie- a-b.wav", "line-Set-Cookie- a-b.wav"),
        ("../../etc/passwd", "etc-passwd.wav", "etc-passwd.wav"),
        ("夜のドライブ.wav", "audio.wav", "夜のドライブ.wav"),
        ("🔥🔥.wav", "audio.wav", "audio.wav"),
        ("🔥 beat.wav", "beat.wav", "beat.wav"),
        ("50% off.wav", "50- off.wav", "50- off.wav"),
        ("nul", "-nul.wav", "-nul.wav"),
        ("", "audio.wav", "audio.wav"),
        (".wav", "audio.wav", "audio.wav"),
        ("x" * 300, "x" * 100 + ".wav", "x" * 100 + ".wav"),
    ],
)
def test_the_name_is_safe_and_ends_in_what_the_file_is(given: str, plain: str, whole: str) -> None:
    for attachment, kind in ((True, "attachment"), (False, "inline")):
        header = filenames.disposition(given, "wav", attachment=attachment)
        assert header.isascii()
        assert header.isprintable()
        found = re.fullmatch(r'(\w+); filename="([^"\\]+)"; filename\*=UTF-8\'\'([\w.%()+-]+)', header)
        assert found is not None, header
        assert (found[1], found[2], urllib.parse.unquote(found[3])) == (kind, plain, whole)


def test_a_long_name_fits_into_every_file_system() -> None:
    header = filenames.disposition("夜" * 300, "wav", attachment=True)
    name = urllib.parse.unquote(header.partition("UTF-8''")[2])
    assert name.endswith("夜.wav")
    assert len(name.encode()) <= 255
