import { signal } from "@preact/signals";
import type { Schemas } from "../api/client";
import { openProject } from "../project/connection";
import { createClip, createTrack } from "../project/edits";
import type { Recording } from "../project/entities";
import { mayEdit, remember, tracks } from "../project/store";
import { player } from "../sound/player";
import { notify } from "../ui/notices";
import { selectedTrack } from "../view";
import { snapped, toSeconds } from "./geometry";
import { rows, spotAt } from "./layout";

export interface Upload {
  name: string;
  percent: number;
}
export const uploads = signal<readonly Upload[]>([]);

/** Files that are dropped on the arrangement, one below the other from the track under the pointer on. */
export const dropped = (event: DragEvent, canvas: HTMLElement | null): void => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  if (!canvas || !mayEdit.value || files.length === 0) return;
  const { left, top } = canvas.getBoundingClientRect();
  const at = snapped(toSeconds(Math.max(0, event.clientX - left)), event.altKey);
  const under = spotAt(event.clientY - top)?.row;
  const first = under ? rows.value.indexOf(under) : rows.value.length;
  files.forEach((file, index) => void place(file, at, rows.value[first + index]?.track.id));
};

/** Files that are chosen, from the playhead on: the first onto the selected track, each other below it. */
export const chosen = (files: readonly File[]): void => {
  const at = snapped(player.position.peek());
  const first = rows.peek().findIndex(({ track }) => track.id === selectedTrack.peek());
  files.forEach((file, index) => void place(file, at, first < 0 ? undefined : rows.peek()[first + index]?.track.id));
};

/** Uploads a file and puts it on a track of recordings: the one that is named, or a new one. */
export const place = async (file: File, startTime: number, trackId?: string): Promise<void> => {
  try {
    const recording = await upload(file);
    const target = tracks.value.find(({ id, trackType }) => id === trackId && trackType === "AUDIO");
    const id = target?.id ?? (await newTrack(recording.originalName.replace(/\.\w+$/, "")));
    if (!id) return;
    await createClip({ trackId: id, startTime, audioFileId: recording.id, duration: recording.duration ?? 1 });
  } catch (error) {
    notify("trouble", `${file.name}: ${(error as Error).message}`);
  }
};

/** A track of recordings. */
export const newTrack = async (name: string): Promise<string | null> => {
  const answer = await createTrack({ name: name.slice(0, 120) || "Recording", trackType: "AUDIO" });
  return (answer.track as { id: string } | undefined)?.id ?? null;
};

/** XMLHttpRequest, because `fetch` does not tell how far an upload has come. */
export const upload = (file: File): Promise<Recording> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("projectId", openProject());
    body.append("file", file);
    const show = (percent: number | null) => {
      const others = uploads.value.filter(({ name }) => name !== file.name);
      uploads.value = percent === null ? others : [...others, { name: file.name, percent }];
    };
    show(0);
    request.upload.onprogress = ({ loaded, total }) => show(Math.round((loaded / total) * 100));
    request.onloadend = () => {
      show(null);
      const reply = parsed(request.responseText);
      if (request.status < 300 && reply.audioFile) {
        remember(reply.audioFile);
        resolve(reply.audioFile);
      } else reject(new Error(reply.error ?? "The server could not be reached."));
    };
    request.open("POST", "/api/audio/upload" satisfies keyof import("../generated/rest").paths);
    request.send(body);
  });

const parsed = (text: string): { audioFile?: Recording } & Partial<Schemas["Error"]> => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};
