"""Configuration is read once, and a wrong value stops the start with the variable's name."""

from __future__ import annotations

import pytest

from dawg_server import settings
from dawg_server.errors import ConfigurationError


def test_nothing_set_is_a_working_configuration() -> None:
    chosen = settings.load({})
    assert (chosen.port, chosen.secured, chosen.link_base) == (3001, False, None)
    assert chosen.cors_origins == ("http://localhost:5173", "http://localhost:5174", "https://dawg-ai.com")
    assert chosen.replica


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({"PORT": "4000"}, 4000),
        ({"BACKEND_PORT": "5000", "PORT": "4000"}, 5000),
        ({"BACKEND_PORT": " ", "PORT": "4000"}, 4000),
    ],
)
def test_backend_port_wins_over_port(environment: dict[str, str], port: int) -> None:
    assert settings.load(environment).port == port


def test_origins_are_trimmed_of_blanks_and_of_slashes_at_the_end() -> None:
    assert settings.load({"CORS_ORIGINS": " https://a.app/ ,http://b , "}).cors_origins == ("https://a.app", "http://b")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://b.example:443", "https://b.example"),
        ("http://B.Example:80/", "http://b.example"),
        ("https://[::1]:443", "https://[::1]"),
        ("https://*.b.example:443", "https://*.b.example"),
        ("https://b.example:80", "https://b.example:80"),
        ("http://b.example:443", "http://b.example:443"),
        ("https://b.example:4443", "https://b.example:4443"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(given: str, sent: str) -> None:
    assert settings.load({"CORS_ORIGINS": given}).cors_origins == (sent,)


def test_origins_may_be_patterns_of_one_label() -> None:
    patterns = ("https://*.netlify.app", "https://deploy-preview-*--site.netlify.app", "http://*.localhost:5173")
    assert settings.load({"CORS_ORIGINS": ",".join(patterns).upper()}).cors_origins == patterns


def test_both_names_of_the_replicate_key_work() -> None:
    assert settings.load({"REPLICATE_API_TOKEN": "r8_x"}).replicate_key == "r8_x"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"BACKEND_PORT": "70000"}, "BACKEND_PORT"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"DATABASE_URL": "mysql://host/db"}, "DATABASE_URL"),
        ({"REDIS_URL": "localhost:6379"}, "REDIS_URL"),
        ({"WEBSOCKET_REDIS_ADAPTER": "perhaps"}, "WEBSOCKET_REDIS_ADAPTER"),
        ({"WEBSOCKET_REDIS_ADAPTER": "true"}, "REDIS_URL"),
        ({"JWT_SECRET": "too short"}, "JWT_SECRET"),
        ({"JOB_CONCURRENCY": "-1"}, "JOB_CONCURRENCY"),
        ({"DRAIN_SECONDS": "nan"}, "DRAIN_SECONDS"),
        ({"AWS_S3_BUCKET": "songs"}, "AWS_ACCESS_KEY_ID"),
        ({"JWT_JWKS_URL": "https://tenant.example/keys"}, "JWT_AUDIENCE"),
        ({"REDIS_URL": "redis://cache:6379?family=0"}, "REDIS_URL"),
        ({"REDIS_URL": "rediss://cache:6379?ssl_cert_reqs=perhaps"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://cache:port"}, "REDIS_URL"),
        ({"AWS_S3_ADDRESSING": "path-style"}, "AWS_S3_ADDRESSING"),
        ({"SMTP_URL": "smtp://mail.example"}, "MAIL_FROM"),
        ({"SMTP_URL": "mail.example:587"}, "SMTP_URL"),
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM"),
        ({"FRONTEND_URL": "dawg.example"}, "FRONTEND_URL"),
        ({"ANTHROPIC_BASE_URL": "api.anthropic.com"}, "ANTHROPIC_BASE_URL"),
        *(
            ({"CORS_ORIGINS": f"https://dawg.example,{wrong}"}, "CORS_ORIGINS")
            for wrong in (
                *("*", "dawg.example", "https://dawg.example/app", '"https://a.app"', "https://", "null"),
                *(
                    "https://*",
                    "https://*.app",
                    "https://*.*.app",
                    "https://dawg.*",
                    "https://a.*.example",
                    "*://a.app",
                ),
                *("https://a.app:*", "https://**.a.app", "http://*.0.0.1.1:*", "https://*:1", "https://a*.app"),
            )
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        settings.load(environment)


def test_a_star_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigurationError, match="every page in the world"):
        settings.load({"CORS_ORIGINS": "*"})


@pytest.mark.parametrize(
    ("environment", "hosts", "exposed"),
    [
        ({}, settings.LOOPBACK, None),
        ({"HOST": "localhost"}, ("localhost",), None),
        ({"HOST": "0.0.0.0"}, ("0.0.0.0",), "HOST"),
        ({"PUBLIC_URL": "https://dawg.example"}, settings.LOOPBACK, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://localhost:3001"}, settings.LOOPBACK, None),
        ({"RAILWAY_PROJECT_ID": "p"}, settings.LOOPBACK, "Railway"),
        ({"RAILWAY_PUBLIC_DOMAIN": "dawg.up.railway.app"}, settings.LOOPBACK, "Railway"),
        ({"RAILWAY_PROJECT_ID": "p", "ALLOW_DEVELOPMENT_MODE": "true"}, ("",), "Railway"),
        ({"RAILWAY_PROJECT_ID": "p", "ALLOW_DEVELOPMENT_MODE": "true", "HOST": "::1"}, ("::1",), "Railway"),
        ({"ALLOW_DEVELOPMENT_MODE": "true"}, settings.LOOPBACK, None),
        ({"RAILWAY_TOKEN": "of the command line"}, settings.LOOPBACK, None),
        ({"RAILWAY_PROJECT_ID": "p", "JWT_SECRET": "x" * 32}, ("",), None),
        (
            {"JWT_JWKS_URL": "https://tenant.example/keys", "JWT_AUDIENCE": "dawg", "HOST": "10.0.0.7"},
            ("10.0.0.7",),
            None,
        ),
    ],
)
def test_without_sign_in_only_this_machine_is_listened_to(
    environment: dict[str, str], hosts: tuple[str, ...], exposed: str | None
) -> None:
    chosen = settings.load(environment)
    assert chosen.hosts == hosts
    assert (chosen.exposed is None) if exposed is None else exposed in (chosen.exposed or "")


def test_a_refusal_does_not_repeat_a_secret() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        settings.load({"JWT_SECRET": "hunter2-is-too-short"})
    assert "hunter2" not in str(refusal.value)


def test_every_key_and_every_password_inside_of_a_url_counts_as_secret() -> None:
    environment = {
        "OPENAI_API_KEY": "sk-one",
        "DATABASE_URL": "postgres://me:pa55@host/db",
        "REDIS_URL": "rediss://:redis-pass@host/2",
        "JWT_SECRET": "x" * 32,
        "SMTP_URL": "smtps://me:p%40ss@mail.example",
        "MAIL_FROM": "DAWG <dawg@dawg.example>",
    }
    expected = {"sk-one", "pa55", "redis-pass", "x" * 32, "p%40ss", "p@ss"}
    assert set(settings.load(environment).secrets()) == expected


def test_links_begin_with_the_public_address_or_the_one_that_railway_gave() -> None:
    assert settings.load({"PUBLIC_URL": "https://api.dawg.app/"}).link_base == "https://api.dawg.app"
    assert settings.load({"RAILWAY_PUBLIC_DOMAIN": "dawg.up.railway.app"}).link_base == "https://dawg.up.railway.app"
