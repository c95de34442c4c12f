"""How jobs and recordings look to clients: the same on REST and on sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dawg_server.generation.job import Job, State
from dawg_server.storage.links import LinkSigner
from dawg_server.wire import timestamp

WORDS = {State.WAITING: "queued", State.ACTIVE: "processing"}  # that older clients read, where they differ
_INTERNAL = ("midi", "storageKey", "storageKeys")  # of takes and stems as stored: what links are made of


def result(type: str, stored: Mapping[str, Any], links: LinkSigner, base_url: str) -> dict[str, Any]:
    """The result of a job of that type with links, which are made anew at each reading because they expire."""
    takes = [_take(take, links, base_url) for take in stored.get("takes", [])]
    first = takes[0] if takes else {}
    # The mix comes first, for whoever takes the first link that they see.
    urls = {name: first[name] for name in ("audioUrl", "downloadUrl")} if takes else {}
    shown = {**urls, "type": type, **stored, **first}
    shown["takes"] = takes
    return {name: value for name, value in shown.items() if name not in _INTERNAL}


def _take(take: Mapping[str, Any], links: LinkSigner, base_url: str) -> dict[str, Any]:
    audio_id, keys = take["audioFileId"], take.get("storageKeys", {})

    def link(format: str, *, attachment: bool = False) -> str:
        other = format if format != take["format"] else None
        name = take.get("title") or audio_id
        return links.sign(audio_id, base_url, format=other, key=keys.get(format), name=name, attachment=attachment)

    urls = {format: link(format) for format in take.get("formats", [take["format"]])}
    shown = {name: value for name, value in take.items() if name not in _INTERNAL}
    return {
        **shown,
        "audioUrl": link(take["format"]),
        "downloadUrl": link(take["format"], attachment=True),
        "urls": urls,
        "midiUrl": link("mid") if take.get("midi") else None,
        "stems": [_stem(stem, links, base_url) for stem in take.get("stems", [])],
    }


def _stem(stem: Mapping[str, Any], links: LinkSigner, base_url: str) -> dict[str, Any]:
    shown = {name: value for name, value in stem.items() if name not in _INTERNAL}
    audio_id, key = stem["audioFileId"], stem.get("storageKey")
    url = links.sign(audio_id, base_url, key=key, name=stem["type"])
    return {
        **shown,
        "audioUrl": url,
        "url": url,
        "downloadUrl": links.sign(audio_id, base_url, key=key, name=stem["type"], attachment=True),
    }


def audio_url(row: Mapping[str, Any], links: LinkSigner, base_url: str) -> str:
    """The link to the recording of a row of `audio_files`; `id`, `storage_key` and `original_name` are needed."""
    return links.sign(row["id"], base_url, key=row["storage_key"], name=row["original_name"])


def download_url(row: Mapping[str, Any], links: LinkSigner, base_url: str) -> str:
    """The link that saves it."""
    return links.sign(row["id"], base_url, key=row["storage_key"], name=row["original_name"], attachment=True)


def audio_file(row: Mapping[str, Any], links: LinkSigner, base_url: str) -> dict[str, Any]:
    """A recording: a row of `audio_files` as `database.audio_files` reads it."""
    return {
        "id": row["id"],
        "projectId": row["project_id"],
        "generationId": row["generation_id"],
        "filename": row["filename"],
        "originalName": row["original_name"],
        "mimeType": row["mime_type"],
        "size": int(row["size_bytes"]),
        "duration": row["duration"],
        "sampleRate": row["sample_rate"],
        "channels": row["channels"],
        "bitDepth": row["bit_depth"],
        "lufs": row["lufs"],
        "truePeak": row["true_peak_db"],
        "checksum": bytes(row["sha256"]).hex() if row["sha256"] else None,
        "source": row["source"],
        "waveformStatus": row["waveform_status"],
        "audioUrl": audio_url(row, links, base_url),
        "downloadUrl": download_url(row, links, base_url),
        "createdAt": timestamp(row["created_at"]),
        "updatedAt": timestamp(row["updated_at"]),
    }


def project(snapshot: Mapping[str, Any], links: LinkSigner, base_url: str) -> dict[str, Any]:
    """A whole project, with links to its recordings."""

    def recording(file: Mapping[str, Any]) -> dict[str, Any]:
        url = links.sign(file["id"], base_url, key=file["storageKey"], name=file["originalName"])
        return {**{name: value for name, value in file.items() if name not in _INTERNAL}, "audioUrl": url}

    return {**snapshot, "audioFiles": [recording(file) for file in snapshot["audioFiles"]]}


def status(job: Job, shown_result: dict[str, Any] | None, position: int | None) -> dict[str, Any]:
    """The nested form, for the client that reads `status.state`."""
    sentence = job.error["message"] if job.error else None
    nested = {
        "jobId": job.id,
        "generationId": job.id,
        "type": job.type,
        "state": job.state.value,
        "status": WORDS.get(job.state, job.state.value),
        "progress": job.progress,
        "stage": job.stage,
        "queuePosition": position,
        "data": job.input,
        "result": shown_result,
        "failedReason": sentence,
        "errorCode": job.error["code"] if job.error else None,
        "attemptsMade": job.attempts,
        "provider": job.provider,
        "createdAt": timestamp(job.created_at),
        "processedOn": timestamp(job.started_at) if job.started_at else None,
        "finishedOn": timestamp(job.finished_at) if job.finished_at else None,
    }
    return {
        "success": True,
        "status": nested,
        "jobId": job.id,
        "generationId": job.id,
        "state": job.state.value,
        "jobStatus": WORDS.get(job.state, job.state.value),
        "progress": job.progress,
        "stage": job.stage,
        "result": shown_result,
        "error": sentence,
    }


def flat_status(job: Job, shown_result: dict[str, Any] | None) -> dict[str, Any]:
    """The form of the client that reads `status` as one word."""
    return {
        "success": True,
        "jobId": job.id,
        "generationId": job.id,
        "type": job.type,
        "state": job.state.value,
        "status": WORDS.get(job.state, job.state.value),
        "progress": job.progress,
        "stage": job.stage,
        "result": shown_result,
        "error": job.error["message"] if job.error else None,
    }


def flat_result(job: Job, shown_result: dict[str, Any]) -> dict[str, Any]:
    """The form of the client that reads `result.audioUrl`."""
    return {**flat_status(job, shown_result), "completedAt": timestamp(job.finished_at) if job.finished_at else None}


def finished(job: Job, shown_result: dict[str, Any]) -> dict[str, Any]:
    """`result.audioUrl` is there for whoever looks no deeper."""
    return {
        "success": True,
        "jobId": job.id,
        "result": {
            **{name: shown_result[name] for name in ("audioUrl", "downloadUrl") if name in shown_result},
            "jobId": job.id,
            "generationId": job.id,
            "result": shown_result,
            "completedAt": timestamp(job.finished_at) if job.finished_at else None,
        },
    }


def stats(totals: Mapping[str, int]) -> dict[str, int]:
    shown = {state.value: totals.get(state.value, 0) for state in State}
    return {**shown, "total": shown["waiting"] + shown["active"]}


def listed(plural: str, items: list[Any], total: int, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of a list."""
    page, limit = query["page"], query["limit"]
    numbers = {"page": page, "limit": limit, "total": total, "totalPages": -(-total // limit)}
    return {"success": True, plural: items, **numbers, "pagination": numbers}
