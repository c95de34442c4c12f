"""The files that deploy the server agree with it, with each other, and with what the platforms ask for."""

from __future__ import annotations

import asyncio
import configparser
import fnmatch
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from dawg_server import settings
from dawg_server.metrics import Metrics
from tests.javascript import runtime
from tests.servers import dawg

PROJECT = Path(__file__).parents[1]
VARIABLES = {name for name, _, _ in settings.describe()}
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
HAPROXY = (PROJECT / "deploy" / "haproxy.cfg").read_text()
RAILWAY = json.loads((PROJECT / "railway.json").read_text())
MOST_STOPPING = 25.0  # seconds in which the server stops after SIGTERM (contract)


def filled_in(text: str, **given: str) -> str:
    """As Compose reads it: `${NAME:-default}`, with `given` as the environment."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: given.get(match[1]) or match[2], text).replace("$$", "$")


def environment(service: str, **given: str) -> dict[str, str]:
    return {name: filled_in(str(value), **given) for name, value in SERVICES[service]["environment"].items()}


# -- docker-compose.yml ------------------------------------------------------------------------------------------------


def test_the_server_starts_with_the_environment_that_compose_gives_it() -> None:
    assert set(SERVICES["server"]["environment"]) <= VARIABLES
    chosen = settings.load(environment("server"))
    assert chosen.redis_adapter
    assert chosen.behind_proxy
    assert not chosen.files_apart
    assert not chosen.secured  # the development mode that the file speaks of
    assert chosen.allow_development
    assert chosen.hosts == ("0.0.0.0",)  # of its container; the balancer's ports decide who gets there
    assert settings.load(environment("server", JWT_SECRET="x" * 32)).secured


def test_passwords_come_from_the_environment_and_are_the_same_on_both_sides() -> None:
    given = {
        "POSTGRES_PASSWORD": "one",
        "REDIS_PASSWORD": "two",
        "AWS_ACCESS_KEY_ID": "three",
        "AWS_SECRET_ACCESS_KEY": "four",
        "AWS_S3_BUCKET": "tunes",
        "CORS_ORIGINS": "https://dawg.example.org",
    }
    for variables in ({}, given):
        chosen = settings.load(environment("server", **variables))
        postgres, redis, storage, bucket = (
            environment(each, **variables) for each in ("postgres", "redis", "storage", "bucket")
        )
        assert urlsplit(chosen.database_url or "").password == postgres["POSTGRES_PASSWORD"]
        redis_password = filled_in(SERVICES["redis"]["command"][-1], **variables)
        assert urlsplit(chosen.redis_url or "").password == redis_password == redis["REDISCLI_AUTH"]
        assert chosen.s3_access_key == storage["ROOT_ACCESS_KEY"] == bucket["AWS_ACCESS_KEY_ID"]
        assert chosen.s3_secret_key == storage["ROOT_SECRET_KEY"] == bucket["AWS_SECRET_ACCESS_KEY"]
        assert (chosen.s3_bucket, chosen.s3_region) == (bucket["BUCKET"], bucket["AWS_DEFAULT_REGION"])
        assert chosen.cors_origins == tuple(bucket["CORS_ORIGINS"].split(","))
    assert chosen.database_url == "postgresql://dawg:one@postgres:5432/dawg"


def test_every_address_in_compose_leads_to_a_service() -> None:
    chosen = settings.load(environment("server"))
    for address in (chosen.database_url, chosen.redis_url, chosen.s3_endpoint):
        assert urlsplit(address or "").hostname in SERVICES
    assert environment("bucket")["AWS_ENDPOINT_URL"] == chosen.s3_endpoint
    (published,) = SERVICES["storage"]["ports"]
    inside, outside = urlsplit(chosen.s3_endpoint or "").port, urlsplit(chosen.s3_public_endpoint or "").port
    assert filled_in(published) == f"127.0.0.1:{outside}:{inside}"


def test_three_replicas_share_one_balancer_and_no_port() -> None:
    assert SERVICES["server"]["deploy"]["replicas"] == 3
    assert "ports" not in SERVICES["server"]
    assert "container_name" not in SERVICES["server"]
    ports = [port for each in SERVICES.values() for port in each.get("ports", ())]  # no variable opens them
    assert all(port.startswith("127.0.0.1:") for port in ports)  # as long as everybody may claim to be anybody
    assert len({port.split(":")[1] for port in ports}) == len(ports)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"server", "bucket"}))
def test_every_service_that_stays_is_pinned_watched_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.?[\w.-]*", service["image"])
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"


def test_everything_waits_for_what_it_needs() -> None:
    def waits_for(name: str) -> dict[str, str]:
        return {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}

    assert waits_for("server") == {
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "bucket": "service_completed_successfully",
    }
    assert waits_for("balancer") == {"server": "service_healthy"}
    assert waits_for("bucket") == {"storage": "service_healthy"}
    volumes = {volume.partition(":")[0] for each in SERVICES.values() for volume in each.get("volumes", ())}
    assert {volume for volume in volumes if not volume.startswith(".")} == set(COMPOSE["volumes"])


def test_a_replica_has_the_time_to_stop() -> None:
    assert float(SERVICES["server"]["stop_grace_period"].removesuffix("s")) > MOST_STOPPING
    assert RAILWAY["deploy"]["drainingSeconds"] > MOST_STOPPING


# -- the balancer ------------------------------------------------------------------------------------------------------


def test_the_balancer_is_the_one_that_compose_starts_and_reaches_the_server() -> None:
    assert any(volume.startswith("./deploy/haproxy.cfg:") for volume in SERVICES["balancer"]["volumes"])
    template = re.search(r"server-template \w+ (\d+) (\w+):(\d+)", HAPROXY)
    assert template is not None
    assert int(template[1]) >= SERVICES["server"]["deploy"]["replicas"]
    assert template[2] == "server"
    assert int(template[3]) == settings.load({}).port
    (published,) = SERVICES["balancer"]["ports"]
    assert f"bind :{published.rpartition(':')[2]}\n" in HAPROXY


def test_the_balancer_is_not_sticky_and_repeats_only_what_may_be_repeated() -> None:
    lines = {line.strip() for line in HAPROXY.splitlines()}
    assert "balance random" in lines
    assert not re.search(r"^\s*(cookie|stick|option http-buffer-request)", HAPROXY, re.MULTILINE)
    assert "retry-on conn-failure empty-response 503" in lines
    assert "http-request disable-l7-retry unless { method GET HEAD OPTIONS }" in lines
    assert "http-check send meth GET uri /health/ready" in lines


# -- Dockerfile --------------------------------------------------------------------------------------------------------


def stages() -> list[list[tuple[str, str]]]:
    """(instruction, arguments) of each stage of the Dockerfile."""
    text = re.sub(r"\\\n\s*", "", (PROJECT / "Dockerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for instruction, arguments in lines:
        if instruction == "FROM":
            found.append([])
        found[-1].append((instruction, arguments))
    return found


def last(instruction: str) -> str:
    return next(arguments for name, arguments in reversed(stages()[-1]) if name == instruction)


def test_the_image_runs_the_server_as_nobody_special() -> None:
    final = stages()[-1]
    assert json.loads(last("CMD")) == ["sh", "start.sh"] == shlex.split(RAILWAY["deploy"]["startCommand"])
    assert last("STOPSIGNAL") == "SIGTERM"
    assert last("USER") == "dawg"
    assert [name for name, _ in final].index("USER") > max(
        number for number, (name, _) in enumerate(final) if name in ("RUN", "COPY")
    )
    assert not any("pip" in arguments or "apt" in arguments for name, arguments in final if name == "RUN")


async def test_the_health_check_of_the_image_asks_the_server_on_the_port_that_it_has(
    database_dsn: str, tmp_path: Path
) -> None:
    program, *arguments = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert program == "python"

    async def check(**variables: str) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=variables, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    port, other = str(dawg.free_port()), str(dawg.free_port())
    async with dawg.running(database_dsn, tmp_path, PORT=port) as server:
        assert await check(PORT=port) == 0
        assert await check(BACKEND_PORT=port, PORT=other) == 0
        assert await check(PORT=other) != 0
        server.services.platform.lifecycle.leaving = True
        assert await check(PORT=port) != 0


NOBODY = 65534


def pythons() -> list[str]:
    """Interpreters of the version that runs these tests."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [str(Path(sys.executable).resolve()), *filter(None, [shutil.which(version, path="/usr/local/bin:/usr/bin")])]


def open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def copy(source: Path, target: Path) -> None:
    """As COPY does it, without what .dockerignore leaves out: of a folder what is in it, of a file the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = shutil.ignore_patterns("__pycache__", "node_modules", ".node", "dist", "studio", "studio.txt")
        shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


async def quietly(command: list[str], where: Path, environment: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=where, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def run(command: list[str], where: Path, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=where, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@pytest.mark.long
async def test_the_steps_of_the_image_lead_to_a_server_that_is_healthy(scratch_folder: Path, studio: Path) -> None:
    """Walked in a bare folder, since no image can be pulled here: paths of the image begin there, and what the image
    downloads first is what these tests run with. The source tree is not in sight, and root is left where it can be.
    """
    installed = sysconfig.get_path("purelib")
    python = next((each for each in pythons() if open_to_all(Path(each))), sys.executable)
    environment = {"PATH": os.environ["PATH"], "HOME": str(scratch_folder)}
    where = scratch_folder

    def inside(text: str) -> str:
        return re.sub(r"(?<![\w./])/(opt|srv|data)\b", lambda path: str(scratch_folder) + path[0], text)

    node, npm = runtime.programs()
    stage = ""
    for name, arguments in itertools.chain(*stages()):
        if name == "WORKDIR":
            where = Path(inside(arguments))
            where.mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            environment |= {key: inside(value) for key, value in (each.split("=", 1) for each in arguments.split())}
            environment["PATH"] = environment["PATH"].replace("$PATH", os.environ["PATH"])
        elif name == "COPY":
            *sources, target = arguments.split()
            origin = PROJECT
            if sources[0].startswith("--from="):
                origin = scratch_folder / "stages" / sources.pop(0).removeprefix("--from=")
                if not (origin / sources[0].lstrip("/")).exists():
                    continue  # outside of /srv all stages share what they make
            for source in sources:
                copy(
                    origin / source.lstrip("/"),
                    where / inside(target) / (Path(source).name if target.endswith("/") else ""),
                )
        elif name == "RUN" and "useradd" in arguments:
            (scratch_folder / "data").mkdir(mode=0o777)
            (scratch_folder / "data").chmod(0o777)
        elif name == "RUN" and "--constraint" in arguments:
            (packages,) = scratch_folder.glob("opt/dawg/lib/*/site-packages")
            (packages / "of_these_tests.pth").write_text(f"{installed}\n")
        elif name == "RUN" and arguments.startswith("npm ci"):
            (where / "node_modules").symlink_to(studio / "node_modules")
        elif name == "RUN":
            command = shlex.split(inside(arguments))
            program = {"python": [python], "pip": [sys.executable, "-m", "pip"], "npm": npm}[command[0]]
            path = f"{node.parent}{os.pathsep}{environment['PATH']}" if command[0] == "npm" else environment["PATH"]
            await run([*map(str, program), *command[1:]], where, environment | {"PATH": path})
        elif name == "FROM":
            if stage:  # a stage begins with what it copies
                (scratch_folder / "stages" / stage).mkdir(parents=True)
                (scratch_folder / "srv").rename(scratch_folder / "stages" / stage / "srv")
            stage = arguments.partition(" AS ")[2]
    assert sorted(path.name for path in where.iterdir()) == ["start.sh"]

    port = dawg.free_port()
    environment |= {"PORT": str(port), "LOG_FORMAT": "json"}
    outsider = NOBODY if os.geteuid() == 0 and open_to_all(Path(python)) and open_to_all(Path(installed)) else None
    server = await asyncio.create_subprocess_exec(
        *json.loads(last("CMD")), cwd=where, env=environment, user=outsider, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
        async with asyncio.timeout(60):
            while await quietly([f"{scratch_folder}/opt/dawg/bin/{check[0]}", *check[1:]], where, environment):
                assert server.returncode is None
                await asyncio.sleep(0.2)
        # Everything that setup.cfg has to pack is there: pages, migrations, words for the models.
        async with aiohttp.ClientSession() as http:
            for path in ("/docs/files/start.js", "/docs/sockets", "/openapi.json", "/api/generate/genres"):
                async with http.get(f"http://127.0.0.1:{port}{path}") as reply:
                    assert reply.status == 200, path
            for path in ("/", "/docs"):
                async with http.get(f"http://127.0.0.1:{port}{path}") as reply:
                    asset = re.search(r"/studio/assets/[\w-]+\.js", await reply.text())
                    assert asset is not None, path
                async with http.get(f"http://127.0.0.1:{port}{asset[0]}") as reply:
                    assert reply.status == 200, asset
    finally:
        server.terminate()
        async with asyncio.timeout(30):
            assert await server.wait() == 0


def test_the_image_gets_every_package_and_the_build_may_see_them() -> None:
    copied = [
        source
        for name, arguments in itertools.chain(*stages())
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    ]
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(copied)
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == {source.partition("/")[0] for source in copied}
    assert all((PROJECT / source).exists() for source in copied)
    for secret in (".env", "data", ".git", ".venv"):
        assert not any(fnmatch.fnmatch(secret, pattern) for pattern in allowed)


def test_an_installed_server_has_every_module_and_every_file_that_it_reads() -> None:
    """Here it runs from its sources, but an image gets only what setup.cfg packs."""
    setup = configparser.ConfigParser()
    setup.read(PROJECT / "setup.cfg")
    patterns = setup["options.package_data"]["*"].replace(" ", "").split(",")
    for top in setup["options.packages.find"]["include"].split():
        for path in (PROJECT / top.rstrip("*")).rglob("*"):
            if path.is_dir() or {"__pycache__", ".studio"} & set(path.parts):
                continue
            package = next(folder for folder in path.parents if (folder / "__init__.py").exists())
            if path.suffix == ".py":
                assert package == path.parent, f"{path.parent} has no __init__.py"
            else:
                name = str(path.relative_to(package))
                assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), f"{path} is not packed"


# -- railway.json ------------------------------------------------------------------------------------------------------


def test_railway_asks_for_health_and_drains_in_numbers() -> None:
    deploy = RAILWAY["deploy"]
    assert RAILWAY["build"] == {"builder": "DOCKERFILE"}
    assert deploy["healthcheckPath"] == "/health"
    for name in ("healthcheckTimeout", "drainingSeconds", "overlapSeconds"):
        assert type(deploy[name]) is int  # text is refused
    assert deploy["restartPolicyType"] in ("ON_FAILURE", "ALWAYS", "NEVER")


def test_the_start_script_gives_its_process_to_the_server() -> None:
    """Only then does the SIGTERM of a platform arrive."""
    starts = [line.strip() for line in (PROJECT / "start.sh").read_text().splitlines() if "-m dawg_server" in line]
    assert starts
    assert all("exec " in line for line in starts)


def test_the_start_script_builds_the_pages_beside_the_server(tmp_path: Path) -> None:
    requirements = ("setup.cfg", "setup.py", "constraints.txt")
    for name in (*requirements, "start.sh"):
        shutil.copy(PROJECT / name, tmp_path)
    marker = tmp_path / "studio" / "built"
    marker.parent.mkdir()
    marker.with_name("build.py").write_text("from pathlib import Path\nPath(__file__).with_name('built').touch()\n")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    stamp = subprocess.check_output("cat setup.cfg setup.py constraints.txt | cksum", shell=True, cwd=tmp_path)
    (tmp_path / ".venv" / "installed").write_bytes(stamp)
    variables = os.environ | {"DAWG_PYTHON": sys.executable, "DAWG_VENV": ".venv"}
    said = subprocess.check_output(["sh", "start.sh"], cwd=tmp_path, env=variables, text=True)
    assert said == "-m dawg_server\n"
    until = time.monotonic() + 30
    while not marker.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


# -- docs --------------------------------------------------------------------------------------------------------------

TEXTS = {path.name: path.read_text() for path in (PROJECT / "README.md", PROJECT / "docs" / "deployment.md")}
FOREIGN = {  # variables of others: the platform's, the front end's, and those of one command
    "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
    "RAILWAY_RUN_UID",
    "VITE_API_URL",
    "VITE_SOCKET_URL",
    "CHAOS_SECONDS",
    "REPLICATE_API_TOKEN",
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_variable_metric_and_file_that_the_documents_name_exists(name: str) -> None:
    text = TEXTS[name]
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])(?:=[^`]*)?`", text))
    of_start = set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", (PROJECT / "start.sh").read_text()))
    assert named <= VARIABLES | FOREIGN | of_start
    metrics = {metric.name for metric in Metrics().registry.collect()} | {
        "dawg_bus_dropped_events",
        "dawg_feed_recovered_changes",
        "dawg_forwarded_requests",
        "dawg_http_requests",
    }
    for metric in re.findall(r"\bdawg_(?!server\b|session\b|browser\b)\w+", text):
        assert metric.removesuffix("_total") in metrics, metric
    for path in re.findall(r"`((?:docs|deploy|tests)/[\w./]+)`|\((docs/[\w.]+)\)", text):
        assert (PROJECT / (path[0] or path[1])).exists(), path


def test_every_line_of_the_log_that_the_documents_name_is_written_somewhere() -> None:
    code = "".join(
        path.read_text() for top in ("bus", "dawg_server", "handlers") for path in (PROJECT / top).rglob("*.py")
    )
    table = TEXTS["deployment.md"].partition("## When something is away")[2].partition("## Backups")[0]
    last_columns = [line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| **")]
    actions = {action for column in last_columns for action in re.findall(r"`(\w+)`", column)}
    assert len(actions) > 10
    for action in actions | {"replica_seen", "price_missing", "files_not_shared"}:
        assert f'action="{action}"' in code, action


@pytest.mark.parametrize(
    ("there", "taken"), [(("3.11", "3.12", "3.13"), "3.11"), (("3.12", "3.13"), "3.12"), (("3.13",), "3.13")]
)
def test_the_start_script_prefers_the_python_on_which_the_suite_runs(
    tmp_path: Path, there: tuple[str, ...], taken: str
) -> None:
    for name in ("setup.cfg", "setup.py", "constraints.txt", "start.sh"):
        shutil.copy(PROJECT / name, tmp_path)
    for version in ("3.11", "3.12", "3.13"):
        python = tmp_path / "bin" / f"python{version}"
        python.parent.mkdir(exist_ok=True)
        good = f'case "$1" in -c) exit 0 ;; *) echo {version} >> "{tmp_path / "taken"}"; exit 1 ;; esac'
        python.write_text(f"#!/bin/sh\n{good if version in there else 'exit 1'}\n")
        python.chmod(0o755)
    variables = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "DAWG_VENV": "new"}
    subprocess.run(["sh", "start.sh", "--install"], cwd=tmp_path, env=variables, check=False, capture_output=True)
    assert (tmp_path / "taken").read_text().split() == [taken]
