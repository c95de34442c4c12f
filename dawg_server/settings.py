"""Every setting of the server in one table: its variable, default, meaning and range.

`load()` reads the environment once and refuses the start with one sentence when a value is wrong. The table is also
what `python -m dawg_server --help` prints and what the README's list of variables is checked against.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import unquote, urlsplit

from marshmallow import validate

from dawg_server.errors import ConfigurationError
from dawg_server.variables import in_range, long_secret, origin, read, sender, url, variable


def is_loopback(host: str) -> bool:
    """Whether that name or address leads to this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


HTTP = url("http", "https")
LOOPBACK = ("127.0.0.1", "::1")
MEBIBYTE = 2**20  # bytes; what settings call MB


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided. Sizes and times carry their unit in the variable's name or help."""

    # the server
    port: int = variable(
        "BACKEND_PORT",
        3001,
        "port of REST and Socket.IO; PORT is used when this is not set",
        kind="int",
        check=in_range(1, 65535),
        alias=("PORT",),
    )
    host: str | None = variable(
        "HOST",
        None,
        "address to listen on (not set: all interfaces; in development mode, but on Railway, this machine alone)",
    )
    behind_proxy: bool = variable(
        "TRUST_PROXY",
        False,
        "true: X-Real-IP, X-Forwarded-For, -Proto and -Host are believed; always so on Railway",
        kind="bool",
    )
    public_url: str | None = variable(
        "PUBLIC_URL",
        None,
        "address under which browsers reach this server; links in replies begin with it",
        check=HTTP,
    )
    cors_origins: tuple[str, ...] = variable(
        "CORS_ORIGINS",
        ("http://localhost:5173", "http://localhost:5174", "https://dawg-ai.com"),
        "web pages that may call this server besides its own, separated by commas; * stands for a part of one label, "
        "as in https://deploy-preview-*--site.netlify.app",
        kind="list",
        check=origin,
    )
    sound_dir: str | None = variable(
        "SOUND_DIR",
        None,
        "folder with sounds of one's own: SF2, SF3, SFZ, or a folder of recordings for each instrument",
    )
    data_dir: Path = variable(
        "DATA_DIR", Path("data"), "folder for the embedded database and for audio files", kind="path"
    )
    web_dir: Path | None = variable(
        "WEB_DIR", None, "folder with a built front end to serve at / (not set: the studio)", kind="path"
    )
    log_level: str = variable(
        "LOG_LEVEL",
        "info",
        "debug, info, warning or error",
        kind="word",
        check=validate.OneOf(["debug", "info", "warning", "error"]),
    )
    log_format: str = variable(
        "LOG_FORMAT",
        "",
        "json or text; not set: text on a terminal, else json",
        kind="word",
        check=validate.OneOf(["json", "text"]),
    )
    drain_seconds: float = variable(
        "DRAIN_SECONDS",
        10.0,
        "how long running requests may take to finish after SIGTERM",
        kind="float",
        check=in_range(0, 20),
    )

    # what it stands on
    database_url: str | None = variable(
        "DATABASE_URL",
        None,
        "postgresql://… (not set: an embedded Postgres under DATA_DIR)",
        check=url("postgresql", "postgres"),
        secret=True,
    )
    database_connections: int = variable(
        "DATABASE_CONNECTIONS", 10, "most connections of this process to Postgres", kind="int", check=in_range(2, 200)
    )
    redis_url: str | None = variable(
        "REDIS_URL",
        None,
        "redis://… or rediss://…; needed for several replicas",
        check=url("redis", "rediss"),
        secret=True,
    )
    redis_adapter: bool = variable(
        "WEBSOCKET_REDIS_ADAPTER", False, "true: replicas share events over REDIS_URL", kind="bool"
    )
    replica_url: str | None = variable(
        "REPLICA_URL",
        None,
        "address under which the other replicas reach this one (not set: found out, with the port of this server)",
        check=HTTP,
    )
    s3_bucket: str | None = variable("AWS_S3_BUCKET", None, "bucket for audio files (not set: a folder under DATA_DIR)")
    s3_access_key: str | None = variable("AWS_ACCESS_KEY_ID", None, "key id for the bucket", secret=True)
    s3_secret_key: str | None = variable("AWS_SECRET_ACCESS_KEY", None, "secret key for the bucket", secret=True)
    s3_region: str = variable("AWS_REGION", "us-east-1", "region of the bucket")
    s3_endpoint: str | None = variable("AWS_ENDPOINT_URL", None, "address of an S3-compatible store", check=HTTP)
    s3_public_endpoint: str | None = variable(
        "AWS_PUBLIC_ENDPOINT_URL",
        None,
        "address under which browsers reach that store, when it is another one",
        check=HTTP,
    )
    s3_addressing: str = variable(
        "AWS_S3_ADDRESSING",
        "auto",
        "where the bucket stands: path (host/bucket), virtual (bucket.host) or auto (path with AWS_ENDPOINT_URL)",
        kind="word",
        check=validate.OneOf(["auto", "path", "virtual"]),
    )

    # who may come in
    jwt_secret: str | None = variable(
        "JWT_SECRET",
        None,
        "secret of HS256 access tokens, 32 bytes or more; turns sign-in on",
        check=long_secret,
        secret=True,
    )
    jwt_jwks_url: str | None = variable(
        "JWT_JWKS_URL",
        None,
        "key set of an outside sign-in service (RS256, PS256, ES256, EdDSA); turns sign-in on",
        check=HTTP,
    )
    jwt_audience: tuple[str, ...] = variable(
        "JWT_AUDIENCE",
        (),
        "tokens have to be meant for one of these (`aud`), separated by commas; needed with JWT_JWKS_URL, where any "
        "accepts those that the service made for other programs, too",
        kind="list",
    )
    jwt_issuer: str | None = variable("JWT_ISSUER", None, "tokens have to come from this issuer (`iss`)")
    operator_token: str | None = variable(
        "OPERATOR_TOKEN",
        None,
        "32 bytes or more, with which /api/status answers (not set: to anybody who is at this machine, in development "
        "mode alone)",
        check=long_secret,
        secret=True,
    )
    metrics_token: str | None = variable(
        "METRICS_TOKEN",
        None,
        "with sign-in, /metrics answers to this (`Authorization: Bearer …`) and to callers on this machine alone",
        check=long_secret,
        secret=True,
    )
    registration: str = variable(
        "REGISTRATION",
        "open",
        "who may make an account: open (everybody), invited (who has a link that shares a project), closed (nobody)",
        kind="word",
        check=validate.OneOf(["open", "invited", "closed"]),
    )
    allow_development: bool = variable(
        "ALLOW_DEVELOPMENT_MODE",
        False,
        "true: without sign-in the server may be reached by others, who can then be anybody; HOST opens it",
        kind="bool",
    )

    # mail
    smtp_url: str | None = variable(
        "SMTP_URL",
        None,
        "smtp://user:password@host:587 or smtps://…, for mails about forgotten passwords; needs MAIL_FROM",
        check=url("smtp", "smtps"),
        secret=True,
    )
    mail_from: str | None = variable(
        "MAIL_FROM", None, "what mails are from: an address, or Name <address>", check=sender
    )
    frontend_url: str | None = variable(
        "FRONTEND_URL",
        None,
        "address of the front end; links in mails lead to its /reset-password (not set: the first of CORS_ORIGINS)",
        check=HTTP,
    )

    # jobs and limits
    job_concurrency: int = variable(
        "JOB_CONCURRENCY",
        2,
        "jobs that this process runs at once; 0: none (others do)",
        kind="int",
        check=in_range(0, 64),
    )
    cpu_workers: int = variable(
        "CPU_WORKERS",
        0,
        "processes for signal processing; 0: one per core, at most 4",
        kind="int",
        check=in_range(0, 64),
    )
    job_lost_seconds: float = variable(
        "JOB_LOST_SECONDS",
        60.0,
        "a running job without a heartbeat for so long goes to another worker",
        kind="float",
        check=in_range(5, 600),
    )
    max_upload_mb: int = variable("MAX_UPLOAD_MB", 100, "largest audio upload", kind="int", check=in_range(1, 2000))
    max_archive_mb: int = variable(
        "MAX_ARCHIVE_MB", 1000, "largest project archive to import", kind="int", check=in_range(1, 4000)
    )
    max_archive_unpacked_mb: int = variable(
        "MAX_ARCHIVE_UNPACKED_MB", 2000, "largest project archive, unpacked", kind="int", check=in_range(1, 16_000)
    )
    max_archive_entries: int = variable(
        "MAX_ARCHIVE_ENTRIES", 2000, "most files in a project archive", kind="int", check=in_range(1, 10_000)
    )
    turns_per_minute: int = variable(
        "TURNS_PER_MINUTE", 20, "questions to the AI brain per user", kind="int", check=in_range(1, 100_000)
    )
    turns_at_once: int = variable(
        "TURNS_AT_ONCE", 2, "questions of one user that are answered at once", kind="int", check=in_range(1, 1000)
    )
    tokens_per_minute: int = variable(
        "TOKENS_PER_MINUTE",
        400_000,
        "tokens of the AI brain per user; an answer under way waits up to 20 s for more, then ends as `token_limit`",
        kind="int",
        check=in_range(1, 1_000_000_000),
    )
    turn_seconds: float = variable(
        "TURN_SECONDS", 120.0, "longest time of one answer of the AI brain", kind="float", check=in_range(0.1, 3600)
    )
    turn_function_seconds: float = variable(
        "TURN_FUNCTION_SECONDS",
        30.0,
        "how long a browser may take for a function that the AI brain calls",
        kind="float",
        check=in_range(0.1, 3600),
    )
    requests_per_minute: int = variable(
        "REQUESTS_PER_MINUTE", 300, "requests per user", kind="int", check=in_range(1, 1_000_000)
    )
    advice_per_minute: int = variable(
        "ADVICE_PER_MINUTE",
        20,
        "questions about lyrics and arrangements to the language model per user",
        kind="int",
        check=in_range(1, 100_000),
    )
    auth_per_minute: int = variable(
        "AUTH_REQUESTS_PER_MINUTE",
        10,
        "attempts to sign in or up per address; of the same number each: asking for a link to set a password and using "
        "one, per address, and changes of a password and links that share projects (making and accepting), per user",
        kind="int",
        check=in_range(1, 1_000_000),
    )
    socket_changes_per_second: int = variable(
        "SOCKET_CHANGES_PER_SECOND", 30, "changes of projects per socket", kind="int", check=in_range(1, 10_000)
    )
    socket_relays_per_second: int = variable(
        "SOCKET_RELAYS_PER_SECOND", 30, "relayed events per socket and event", kind="int", check=in_range(1, 10_000)
    )
    jobs_per_minute: int = variable("JOBS_PER_MINUTE", 20, "new jobs per user", kind="int", check=in_range(1, 100_000))
    jobs_running: int = variable(
        "JOBS_RUNNING_PER_USER", 5, "jobs of one user that run at once", kind="int", check=in_range(1, 1000)
    )
    jobs_waiting: int = variable(
        "JOBS_WAITING_PER_USER", 50, "jobs of one user that may wait", kind="int", check=in_range(1, 100_000)
    )
    min_free_mb: int = variable(
        "MIN_FREE_MB",
        200,
        "space under DATA_DIR that uploads and jobs leave free, so that the database goes on",
        kind="int",
        check=in_range(0, 10_000_000),
    )
    jobs_kept_days: int = variable(
        "JOBS_KEPT_DAYS",
        90,
        "how long ended jobs are listed, with their prompts; what they made stays",
        kind="int",
        check=in_range(1, 10_000),
    )
    steps_kept_days: int = variable(
        "STEPS_KEPT_DAYS",
        90,
        "how long the steps of a project can be undone and looked at; the newest 5,000 always",
        kind="int",
        check=in_range(1, 10_000),
    )
    user_daily_limit: float = variable(
        "USER_DAILY_LIMIT_USD",
        2.0,
        "USD that calls of outside services may cost each user in a UTC day, whatever budget they set (0: none); a "
        "voice call of the browser's own, booked with its whole hour, takes about 8",
        kind="float",
        check=in_range(0, 1_000_000),
    )
    server_daily_limit: float = variable(
        "SERVER_DAILY_LIMIT_USD",
        20.0,
        "the same of all users together",
        kind="float",
        check=in_range(0, 1_000_000),
    )
    voice_sessions: int = variable(
        "VOICE_SESSIONS_PER_USER",
        2,
        "voice sessions of one user at once, with the secrets whose calls may still go on",
        kind="int",
        check=in_range(1, 100),
    )
    voice_minutes: float = variable(
        "VOICE_MINUTES_PER_DAY", 120.0, "minutes of talk per user and UTC day", kind="float", check=in_range(0, 1440)
    )
    voice_idle_seconds: float = variable(
        "VOICE_IDLE_SECONDS",
        300.0,
        "a voice session in which nobody speaks ends",
        kind="float",
        check=in_range(1, 3600),
    )
    voice_recycle_seconds: float = variable(
        "VOICE_RECYCLE_SECONDS",
        3000.0,
        "age at which a connection to the voice service is replaced, before the service ends it after an hour",
        kind="float",
        check=in_range(1, 3500),
    )

    # outside services
    anthropic_key: str | None = variable("ANTHROPIC_API_KEY", None, "AI chat, advice on lyrics and clips", secret=True)
    anthropic_url: str = variable("ANTHROPIC_BASE_URL", "https://api.anthropic.com", "without /v1", check=HTTP)
    anthropic_model: str = variable("ANTHROPIC_MODEL", "claude-sonnet-5-5", "model of the AI brain")
    anthropic_small_model: str = variable(
        "ANTHROPIC_SMALL_MODEL", "claude-haiku-5-5", "model of small jobs (titles, summaries, lyrics, arrangements)"
    )
    openai_key: str | None = variable("OPENAI_API_KEY", None, "realtime voice", secret=True)
    openai_url: str = variable("OPENAI_BASE_URL", "https://api.openai.com/v1", "with /v1", check=HTTP)
    openai_realtime_model: str = variable("OPENAI_REALTIME_MODEL", "gpt-realtime-2.1", "model of the voice")
    openai_transcription_model: str = variable(
        "OPENAI_TRANSCRIPTION_MODEL", "gpt-transcribe", "model that writes down what was said"
    )
    replicate_key: str | None = variable(
        "REPLICATE_API_KEY",
        None,
        "MusicGen and stem separation; REPLICATE_API_TOKEN works too",
        alias=("REPLICATE_API_TOKEN",),
        secret=True,
    )
    replicate_url: str = variable("REPLICATE_BASE_URL", "https://api.replicate.com", "without /v1", check=HTTP)
    suno_key: str | None = variable("SUNO_API_KEY", None, "songs with vocals, also for a hummed melody", secret=True)
    suno_url: str = variable("SUNO_BASE_URL", "https://api.sunoapi.org", "the gateway's address", check=HTTP)

    # given by the platform
    replica: str = variable(
        "RAILWAY_REPLICA_ID", "", "name of this replica in logs and /health (not set: the host name)"
    )
    railway_domain: str | None = variable(
        "RAILWAY_PUBLIC_DOMAIN", None, "host name given by Railway, used when PUBLIC_URL is not set"
    )
    railway_environment: str | None = variable(
        "RAILWAY_ENVIRONMENT_NAME",
        None,
        "given by Railway; this or another of its variables says that a proxy is in front and that others come",
        alias=(
            "RAILWAY_ENVIRONMENT",
            "RAILWAY_ENVIRONMENT_ID",
            "RAILWAY_PROJECT_ID",
            "RAILWAY_SERVICE_ID",
            "RAILWAY_DEPLOYMENT_ID",
            "RAILWAY_REPLICA_ID",
            "RAILWAY_PUBLIC_DOMAIN",
            "RAILWAY_PRIVATE_DOMAIN",
        ),
    )

    @property
    def secured(self) -> bool:
        return bool(self.jwt_secret or self.jwt_jwks_url)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses to listen on; `""` is all interfaces."""
        if self.host:
            return (self.host,)
        return ("",) if self.secured or (self.allow_development and self.railway_environment) else LOOPBACK

    @property
    def exposed(self) -> str | None:
        """Why others can reach a server that believes whoever calls; None when sign-in is on or they cannot."""
        if self.secured:
            return None
        if self.railway_environment:
            return "it runs on Railway"
        if self.public_url and not is_loopback(urlsplit(self.public_url).hostname or ""):
            return f"PUBLIC_URL is {self.public_url}"
        return f"HOST is {self.host}" if self.host and not is_loopback(self.host) else None

    @property
    def files_apart(self) -> bool:
        """Whether replicas would each keep files where the others do not see them."""
        return self.redis_adapter and self.s3_bucket is None

    @property
    def link_base(self) -> str | None:
        """What absolute links begin with, when that is known without looking at a request."""
        if self.public_url:
            return self.public_url.rstrip("/")
        return f"https://{self.railway_domain}" if self.railway_domain else None

    @property
    def page(self) -> str:
        """The address of the front end, without a slash at its end."""
        exact = (each for each in self.cors_origins if "*" not in each)
        return (self.frontend_url or next(exact, None) or self.link_base or "http://localhost:5173").rstrip("/")

    def secrets(self) -> Iterator[str]:
        """The values that no log line may show: keys, and the passwords inside of URLs."""
        for each in fields(self):
            value = getattr(self, each.name)
            if each.metadata["secret"] and value:
                password = urlsplit(value).password if "://" in value else value
                if password:
                    yield from {password, unquote(password)}


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks every variable; raises `ConfigurationError` naming the first that is wrong."""
    environment = os.environ if environment is None else environment
    source = {name: value for name, value in environment.items() if value.strip()}
    values = {each.name: read(each, source) for each in fields(Settings)}
    values["behind_proxy"] |= bool(values["railway_environment"])
    values["replica"] = values["replica"] or socket.gethostname()
    settings = Settings(**values)
    if settings.redis_adapter and not settings.redis_url:
        raise ConfigurationError("WEBSOCKET_REDIS_ADAPTER is true, so REDIS_URL has to be set.")
    if settings.web_dir and not (settings.web_dir / "index.html").is_file():
        raise ConfigurationError(
            f"WEB_DIR has to be a folder with a built front end, but there is no {settings.web_dir / 'index.html'}."
        )
    if settings.s3_bucket and not (settings.s3_access_key and settings.s3_secret_key):
        raise ConfigurationError("AWS_S3_BUCKET is set, so AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be set.")
    if settings.jwt_jwks_url and not settings.jwt_audience:
        raise ConfigurationError(
            "JWT_JWKS_URL is set, so JWT_AUDIENCE has to be set: what the tokens of this server have as `aud`, or any, "
            "if a token that the service made for another program may be used here."
        )
    if settings.redis_url:
        _usable_redis(settings.redis_url)
    if settings.smtp_url and not settings.mail_from:
        raise ConfigurationError("SMTP_URL is set, so MAIL_FROM has to be set.")
    return settings


def _usable_redis(url: str) -> None:
    import redis

    try:
        pool = redis.ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)  # connects to nobody
    except (TypeError, ValueError, redis.RedisError) as error:
        said = str(error).replace("AbstractConnection.__init__() ", "").replace("Connection.__init__() ", "")
        raise ConfigurationError(
            f"REDIS_URL is wrong: {said.rstrip('.')}. Parameters after the ? are those of redis-py, such as "
            "ssl_cert_reqs, ssl_ca_certs and health_check_interval."
        ) from None


def describe() -> Iterator[tuple[str, str, str]]:
    """(variable, default as text, help) of every setting, in the order of the table."""
    for each in fields(Settings):
        default = each.default
        text = ",".join(default) if isinstance(default, tuple) else "" if default is None else str(default)
        yield each.metadata["name"], text.lower() if isinstance(default, bool) else text, each.metadata["help"]
