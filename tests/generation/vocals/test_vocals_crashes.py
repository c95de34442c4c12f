"""`kill -9` at every stage of a song for a melody: neither words nor songs are bought twice, and what was paid is used."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.generation import outside
from tests.generation.test_purchase_crashes import Client
from tests.generation.vocals import humming
from tests.servers import dawg
from tests.simulators import anthropic, suno
from tests.simulators.anthropic import AnthropicSimulator, ReceivedRequest


class Singer(Client):
    """Asks for one song after the other for one recording."""

    async def begin(self, audio_id: str, prompt: str) -> str:
        body = {"audioFileId": audio_id, "prompt": prompt}
        async with self._http.post(f"{self._server.url}/api/ai/melody-to-vocals", json=body) as reply:
            accepted = await reply.json()
            assert reply.status == 202, accepted
            return str(accepted["jobId"])

    async def upload(self) -> str:
        form = aiohttp.FormData()
        form.add_field("audio", humming.hummed(), filename="hum.wav", content_type="audio/wav")
        async with self._http.post(f"{self._server.url}/api/audio/upload", data=form) as reply:
            return str((await reply.json())["id"])


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_words_and_songs_are_bought_once_wherever_the_server_is_killed(scratch_folder: Path) -> None:
    port = dawg.free_port()
    answers: dict[str, anthropic.ScriptedMessage] = {
        "killed while Claude writes": anthropic.turn(anthropic.HANG),
        "killed while Suno takes the order": humming.answer(["I am lost in the order", "of the waves of the sea"]),
        "killed while Suno sings": humming.answer(["I am lost in the music", "of the waves of the sea"]),
        "killed while the songs are copied": humming.answer(["I am lost in the copies", "of the waves of the sea"]),
        "stopped while Claude writes": humming.slow(seconds=1.0),
    }

    def write(request: ReceivedRequest) -> anthropic.ScriptedMessage:
        return answers[humming.asked(request)["prompt"]]

    async with (
        AnthropicSimulator(key=humming.CLAUDE_KEY) as writer,
        suno.SunoSimulator(key=outside.SUNO_KEY) as songs,
        aiohttp.ClientSession() as http,
    ):
        writer.handler = write
        variables = outside.environment(songs=songs) | {
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "JOB_CONCURRENCY": "8",
            "CPU_WORKERS": "1",
            "JOBS_RUNNING_PER_USER": "20",
            "ANTHROPIC_API_KEY": humming.CLAUDE_KEY,
            "ANTHROPIC_BASE_URL": writer.base_url,
        }
        async with dawg.DawgProcess(scratch_folder, **variables) as server:
            client = Singer(server, http)
            audio = await client.upload()
            jobs = [await client.begin(audio, "killed while Claude writes")]
            await outside.until(lambda: len(writer.requests) == 1)
            songs.plan(outside.song(), outside.song(), create="hang when made", hold=True, durations=(5.0, 5.0))
            jobs.append(await client.begin(audio, "killed while Suno takes the order"))
            await outside.until(lambda: len(songs.tasks) == 1)
            songs.plan(outside.song(), outside.song(), hold=True, durations=(5.0, 5.0))
            jobs.append(await client.begin(audio, "killed while Suno sings"))
            await outside.until(lambda: len(songs.tasks) == 2 and songs.tasks[1].reads)
            copied = outside.song(slow=30.0)
            songs.plan(copied, outside.song(), durations=(5.0, 5.0), stage_seconds=(1.0, 1.0, 1.0))
            jobs.append(await client.begin(audio, "killed while the songs are copied"))
            await outside.until(lambda: copied.downloads)

            await server.stop(signal.SIGKILL)
            copied.slow = 0.0
            songs.plan(
                outside.song(),
                outside.song(),
                durations=(5.0, 5.0),
                stage_seconds=(1.0, 1.0, 1.0),
                lyrics="Suno's own words",
            )
            await server.start()
            await outside.until(lambda: songs.tasks[1].reads >= 2)
            for task in songs.tasks[:2]:
                await songs.move(task, "SUCCESS")
            ended = [await client.ended(job) for job in jobs]
            assert [job["state"] for job in ended] == ["completed"] * 4, ended
            lyrics = [job["result"]["lyrics"] for job in ended]
            assert lyrics[0] == "Suno's own words"
            assert "not paid twice" in ended[0]["result"]["processingSteps"][1]
            for job, words in zip(ended[1:], lyrics[1:], strict=True):
                line = json.loads(answers[job["data"]["prompt"]].blocks[0].spoken)["lines"][0]
                assert line in words
            assert (len(writer.requests), len(songs.tasks), len(songs.creations)) == (4, 4, 4)

            songs.plan(outside.song(), outside.song(), durations=(5.0, 5.0), stage_seconds=(1.0, 1.0, 1.0))
            jobs.append(await client.begin(audio, "stopped while Claude writes"))
            await outside.until(lambda: len(writer.requests) == 5)
            assert await server.stop() == 0
            await server.start()
            last = await client.ended(jobs[-1])
            assert humming.LINES[0] in last["result"]["lyrics"]
            assert (len(writer.requests), len(songs.creations)) == (5, 5)
            rows = (await client.spent())["logs"]
            by_service = sorted(row["service"] for row in rows)
            assert by_service == ["anthropic"] * 4 + ["suno"] * 5  # an answer that nobody got cannot be booked
            assert len({row["requestId"] for row in rows}) == 9
