"""Forgotten passwords: a link by mail, over a real SMTP server, for whoever reads the mail of the account."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.accounts.key_service import KeyService
from tests.accounts.mailbox import ACCOUNT, LINK, Mailbox, certificate, mailbox
from tests.handlers.rest.test_auth import ADA, MANY, SECRET, bearer, post, registered
from tests.servers import dawg

PAGE = "https://dawg.example"
EMAIL = {"email": "Ada@example.com"}
NEW = "battery staple"


def settings(box: Mailbox, **more: str) -> dict[str, str]:
    sender = {"SMTP_URL": f"smtp://127.0.0.1:{box.port}", "MAIL_FROM": "DAWG <dawg@dawg.example>"}
    return MANY | sender | {"FRONTEND_URL": PAGE + "/"} | more


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as running:
        yield running


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, box: Mailbox) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **settings(box)) as running:
        yield running


async def forgot(server: dawg.Dawg, **options: Any) -> tuple[int, dict[str, Any]]:
    return await post(server, "forgot-password", EMAIL, **options)


async def reset(server: dawg.Dawg, token: str, password: str = NEW) -> tuple[int, str | None]:
    status, body = await post(server, "reset-password", {"token": token, "password": password})
    return status, body.get("code")


async def rows(server: dawg.Dawg) -> list[dict[str, Any]]:
    return await server.services.platform.database.fetch_all("SELECT * FROM password_resets ORDER BY created_at")


async def failures(capsys: pytest.CaptureFixture[str], number: int = 1, log: str = "") -> str:
    """The log, once it says so many times that a mail could not be sent; `log` is what has been read of it before."""
    async with asyncio.timeout(10):
        while log.count("mail_failed") < number:
            await asyncio.sleep(0.02)
            log += capsys.readouterr().out
    return log


async def later(server: dawg.Dawg, seconds: float) -> None:
    """Makes every request for a mail so much older, and has the server look at them."""
    await server.services.platform.database.execute(
        """UPDATE password_resets SET created_at = created_at - %(age)s, expires_at = expires_at - %(age)s,
           tried_at = tried_at - %(age)s""".replace("%(age)s", f"interval '{seconds} seconds'")
    )
    server.services.platform.recovery.wake()


async def test_whoever_reads_the_mail_sets_a_new_password_once(server: dawg.Dawg, box: Mailbox) -> None:
    made = await registered(server)
    status, body = await forgot(server)
    assert (status, body["success"]) == (200, True)
    link = await box.link()
    assert link.startswith(f"{PAGE}/reset-password?token=")
    (message,) = box.messages
    assert box.recipients == ["ada@example.com"]
    assert (message["To"], message["From"]) == ("ada@example.com", "DAWG <dawg@dawg.example>")
    assert message["Subject"]
    assert message["Date"]
    assert message["Message-ID"].endswith("@dawg.example>")
    assert message["Auto-Submitted"] == "auto-generated"

    token = await box.token()
    assert token not in str(await rows(server))
    for wrong in ("seven77", "x" * 129):
        assert await reset(server, token, wrong) == (400, "validation_error")
    assert (await post(server, "login", ADA))[0] == 200
    assert await reset(server, token) == (200, None)
    assert (await post(server, "login", ADA))[0] == 401
    assert (await post(server, "login", ADA | {"password": NEW}))[0] == 200
    assert (await server.json("GET", "/api/auth/me", headers=bearer(made)))[0] == 401
    assert (await post(server, "refresh", {"refreshToken": made["refreshToken"]}))[0] == 401
    assert await reset(server, token, "another one") == (400, "validation_error")
    assert await rows(server) == []


async def test_an_account_that_does_not_exist_looks_the_same(server: dawg.Dawg, box: Mailbox) -> None:
    await registered(server)
    await server.services.platform.database.execute(
        "INSERT INTO users (email, origin) VALUES ('token@example.com', 'token')"
    )
    await registered(server, email="gone@example.com")
    await server.services.platform.database.execute("UPDATE users SET is_active = false WHERE email LIKE 'gone%'")
    answers = []
    for address in ("eve@example.com", "token@example.com", "gone@example.com", "ada@example.com"):
        status, body = await post(server, "forgot-password", {"email": address})
        answers.append((status, {name: value for name, value in body.items() if name != "requestId"}))
    assert answers == [answers[0]] * 4
    assert answers[0][0] == 200
    await box.link()
    assert box.recipients == ["ada@example.com"]
    assert (await post(server, "forgot-password", {"email": "ada"}))[0] == 400
    assert (await post(server, "forgot-password", {"email": "ada@example.com\nBcc: eve@example.com"}))[0] == 400


async def test_links_end_after_half_an_hour_and_with_each_other(server: dawg.Dawg, box: Mailbox) -> None:
    await registered(server)
    await forgot(server)
    await forgot(server)
    first, second = await box.token(1), await box.token(2)
    assert first != second
    for made_up in ("x", first[:-1], first + "x", "ä" * 20):
        assert await reset(server, made_up) == (400, "validation_error")
    outcomes = await asyncio.gather(
        *(reset(server, each, f"{NEW} {n}") for n, each in enumerate((first, first, second)))
    )
    assert sorted(outcomes, key=str) == [(200, None), (400, "validation_error"), (400, "validation_error")]
    await forgot(server)
    third = await box.token(3)
    await later(server, 29 * 60)
    await forgot(server)
    fourth = await box.token(4)
    await later(server, 61)
    assert await reset(server, third) == (400, "validation_error")
    assert await reset(server, fourth) == (200, None)


async def test_a_mail_server_that_is_away_or_slow_keeps_nobody_waiting_and_gets_the_mail_later(
    database_dsn: str, tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    box.refuse = True
    async with dawg.running(database_dsn, tmp_path, **settings(box)) as server:
        await registered(server)
        assert (await forgot(server))[0] == 200
        await failures(capsys)
    # What was promised is done by whoever comes next.
    box.refuse = False
    async with dawg.running(database_dsn, tmp_path, **settings(box)) as server:
        await later(server, 61)
        assert await reset(server, await box.token()) == (200, None)
    async with asyncio.timeout(10), await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1") as silent:
        box.port = silent.sockets[0].getsockname()[1]
        async with dawg.running(database_dsn, tmp_path, **settings(box)) as server:
            assert (await forgot(server))[0] == 200


async def test_a_mail_server_that_stays_away_is_asked_three_times(
    database_dsn: str, tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    box.refuse = True
    log = ""
    async with dawg.running(database_dsn, tmp_path, **settings(box)) as server:
        await registered(server)
        await forgot(server)
        for attempt in range(1, 4):
            log = await failures(capsys, attempt, log)
            await later(server, 61)
        box.refuse = False
        await registered(server, email="eve@example.com")
        await post(server, "forgot-password", {"email": "eve@example.com"})
        await box.link()
        assert box.recipients == ["eve@example.com"]
    log += capsys.readouterr().out
    assert log.count("mail_failed") == 3
    assert "token=" not in log


async def test_the_link_of_a_mail_that_arrived_is_good_although_it_was_sent_again(
    server: dawg.Dawg, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await registered(server)
    box.deny = True
    await forgot(server)
    log = await failures(capsys)
    await later(server, 61)
    await failures(capsys, 2, log)
    box.deny = False
    await later(server, 61)
    tokens = [await box.token(number) for number in (1, 2, 3)]
    assert len({*tokens}) == 3
    assert [token for token in tokens if token in str(await rows(server))] == []
    assert await reset(server, tokens[0]) == (200, None)
    assert [await reset(server, token) for token in tokens] == [(400, "validation_error")] * 3


async def test_a_changed_password_ends_all_links_to_set_another(server: dawg.Dawg, box: Mailbox) -> None:
    made, eve = await registered(server), await registered(server, email="eve@example.com")
    await forgot(server)
    await box.token()
    await post(server, "forgot-password", {"email": "eve@example.com"})
    tokens = [await box.token(number) for number in (1, 2)]
    status, body = await server.json(
        "PUT",
        "/api/auth/me/password",
        headers=bearer(made),
        json={"currentPassword": ADA["password"], "newPassword": NEW},
    )
    assert status == 200, body
    assert await reset(server, tokens[0], "another one") == (400, "validation_error")
    assert [row["user_id"] for row in await rows(server)] == [eve["user"]["id"]]
    assert await reset(server, tokens[1]) == (200, None)


async def test_replicas_send_one_mail_each(database_dsn: str, tmp_path: Path, box: Mailbox) -> None:
    async with (
        dawg.running(database_dsn, tmp_path / "a", **settings(box)) as a,
        dawg.running(database_dsn, tmp_path / "b", **settings(box)) as b,
    ):
        await registered(a)
        assert {status for status, _ in await asyncio.gather(forgot(a), forgot(b), forgot(a))} == {200}
        for server in (a, b):
            server.services.platform.recovery.wake()
        tokens = {await box.token(number) for number in (1, 2, 3)}
        assert len(tokens) == 3
        # Nobody's mailbox is filled by strangers: three links at a time are enough.
        assert (await forgot(b))[0] == 200
        await registered(a, email="eve@example.com")
        await post(a, "forgot-password", {"email": "eve@example.com"})
        await box.link(4)
        assert box.recipients == ["ada@example.com"] * 3 + ["eve@example.com"]


async def test_asking_and_guessing_are_limited_by_address(database_dsn: str, tmp_path: Path, box: Mailbox) -> None:
    async with dawg.running(database_dsn, tmp_path, **settings(box, AUTH_REQUESTS_PER_MINUTE="10")) as server:
        assert [(await forgot(server))[0] for _ in range(12)] == [200] * 10 + [429] * 2
        assert [(await reset(server, "x"))[0] for _ in range(12)] == [400] * 10 + [429] * 2
        assert (await post(server, "login", ADA))[0] == 401


async def test_a_link_leads_to_the_page_of_the_settings_whatever_the_request_says(
    database_dsn: str, tmp_path: Path, box: Mailbox
) -> None:
    forged = {"Host": "evil.example", "Origin": "http://evil.example", "X-Forwarded-Host": "evil.example"}
    for number, (variables, begin) in enumerate(
        (
            ({"TRUST_PROXY": "true"}, PAGE),
            ({"FRONTEND_URL": "", "CORS_ORIGINS": f"https://*.b.example,{PAGE}:8443"}, PAGE + ":8443"),
        )
    ):
        async with dawg.running(database_dsn, tmp_path, **settings(box, **variables)) as server:
            if not number:
                await registered(server)
            assert (await forgot(server, headers=forged))[0] == 200
            assert (await box.link(number + 1)).startswith(f"{begin}/reset-password?token=")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_password_goes_to_a_mail_server_by_tls_that_is_trusted(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    context, trusted = certificate(tmp_path)
    kind: Any = {"tls": context} if scheme == "smtps" else {"starttls": context}
    async with mailbox(**kind) as box:
        user, password = (quote(each, safe="") for each in ACCOUNT)
        url = {"SMTP_URL": f"{scheme}://{user}:{password}@127.0.0.1:{box.port}"}
        async with dawg.running(database_dsn, tmp_path, **settings(box, **url)) as server:
            await registered(server)
            await forgot(server)
            log = await failures(capsys)
            assert "certificate" in log.lower()
        assert (box.messages, box.logins) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        async with dawg.running(database_dsn, tmp_path, **settings(box, **url)) as server:
            await later(server, 61)
            await box.link()
        assert box.logins == [True]


async def test_without_a_mail_server_the_variable_is_named(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path / "a", **MANY) as server:
        await registered(server)
        status, refusal = await forgot(server)
        assert (status, refusal["code"]) == (503, "provider_unconfigured")
        assert refusal["details"] == {"env": ["SMTP_URL"]}
        assert await reset(server, "x") == (400, "validation_error")  # an operator's link works
    async with (
        KeyService() as service,
        dawg.running(database_dsn, tmp_path / "b", JWT_JWKS_URL=service.url, JWT_AUDIENCE="any") as server,
    ):
        for path, body in (("forgot-password", EMAIL), ("reset-password", {"token": "x", "password": NEW})):
            status, refusal = await post(server, path, body)
            assert (status, refusal["details"]) == (503, {"env": ["JWT_SECRET"]})


async def test_in_development_mode_the_link_is_shown_where_the_server_runs(
    database_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        await registered(server)
        capsys.readouterr()
        assert (await forgot(server))[0] == 200
        shown = ""
        async with asyncio.timeout(10):
            while (found := LINK.search(shown)) is None:
                await asyncio.sleep(0.02)
                shown += capsys.readouterr().err
        assert found[0].startswith("http://localhost:5173/reset-password?token=")
        assert await reset(server, found[0].partition("token=")[2]) == (200, None)
        # The account that everybody knows has no password to set.
        await post(server, "login", {"email": "demo@aidaw.com", "password": "DemoPassword123!"})
        await post(server, "forgot-password", {"email": "demo@aidaw.com"})
        assert [row["user_id"] for row in await rows(server)] in ([], [None])


async def test_an_operator_gives_a_link_without_mail(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, **MANY) as server:
        await registered(server)

        async def run(*arguments: str) -> tuple[int, str, str]:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "dawg_server", *arguments),
                cwd=dawg.PROJECT,
                env={
                    "DATABASE_URL": database_dsn,
                    "JWT_SECRET": SECRET,
                    "FRONTEND_URL": PAGE,
                    "DATA_DIR": str(tmp_path),
                },
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await process.communicate()
            return process.returncode or 0, out.decode(), err.decode()

        status, out, _ = await run("accounts", "reset", "ADA@example.com")
        assert status == 0
        assert out.startswith(f"{PAGE}/reset-password?token=")
        assert await reset(server, out.strip().partition("token=")[2]) == (200, None)
        # One that nobody uses is forgotten, also where no mail is sent.
        assert (await run("accounts", "reset", "ada@example.com"))[0] == 0
        await later(server, 31 * 60)
        await server.services.platform.retention.forget()
        assert not await rows(server)
        status, out, err = await run("accounts", "reset", "eve@example.com")
        assert (status, out) == (1, "")
        assert "eve@example.com" in err
        for wrong in (("accounts",), ("accounts", "reset"), ("accounts", "delete", "x"), ("serve", "now")):
            status, _, err = await run(*wrong)
            assert status == 2
            assert "Traceback" not in err
