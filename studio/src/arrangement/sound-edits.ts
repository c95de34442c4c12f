import { answered, api } from "../api/client";
import { begin } from "../generate/store";

/** Edits that the server computes: each is a job, and its changes come like anybody's, as one step to undo. */

export const reverseClip = (clipId: string) =>
  begin("edit", answered(api.POST("/api/clips/{clip_id}/reverse", { params: { path: { clip_id: clipId } } })));

export const normalizeClip = (clipId: string) =>
  begin(
    "edit",
    answered(api.POST("/api/clips/{clip_id}/normalize", { params: { path: { clip_id: clipId } }, body: {} })),
  );

export const glueSound = (clipIds: string[]) =>
  begin("edit", answered(api.POST("/api/clips/glue-audio", { body: { clipIds } })));

export const freezeTrack = (trackId: string) =>
  begin("edit", answered(api.POST("/api/tracks/{track_id}/freeze", { params: { path: { track_id: trackId } } })));

export const bounceTrack = (trackId: string) =>
  begin(
    "edit",
    answered(api.POST("/api/tracks/{track_id}/bounce", { params: { path: { track_id: trackId } }, body: {} })),
  );
