import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answered, api } from "../api/client";
import { player } from "./player";

const POINTS = 800;

type Peak = [low: number, high: number]; // -1..1

interface WaveformProps {
  audioFileId: string;
  duration: number; // seconds
  name: string;
}

/** The outline of a file, and how far it has been played. A click goes there; the arrow keys go a second. */
export const Waveform = ({ audioFileId, duration, name }: WaveformProps) => {
  const canvas = useRef<HTMLCanvasElement>(null);
  const peaks = useSignal<Peak[]>([]);
  const size = useSignal(0);

  useEffect(() => {
    const params = { path: { audio_id: audioFileId }, query: { points: POINTS } };
    answered(api.GET("/api/audio/{audio_id}/waveform", { params })).then(
      ({ waveformData }) => (peaks.value = waveformData as Peak[]),
      () => (peaks.value = []),
    );
  }, [audioFileId]);

  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => (size.value = entry?.contentRect.width ?? 0));
    if (canvas.current) watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);

  useSignalEffect(() => {
    if (canvas.current && size.value) draw(canvas.current, peaks.value, player.position.value / duration);
  });

  const goTo = (event: MouseEvent) => {
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    player.seek(((event.clientX - left) / width) * duration);
  };
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) player.seek(Math.min(duration, Math.max(0, player.position.value + by)));
  };

  return (
    <canvas
      ref={canvas}
      class="waveform"
      role="slider"
      tabIndex={0}
      aria-label={`Position in ${name}`}
      aria-valuemin={0}
      aria-valuemax={duration}
      aria-valuenow={Math.round(player.position.value * 10) / 10}
      data-points={peaks.value.length}
      onClick={goTo}
      onKeyDown={step}
    />
  );
};

const draw = (canvas: HTMLCanvasElement, peaks: Peak[], played: number): void => {
  const scale = window.devicePixelRatio;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const brush = canvas.getContext("2d");
  if (!brush) return;
  const { color, accentColor } = getComputedStyle(canvas);
  brush.clearRect(0, 0, width, height);
  peaks.forEach(([low, high], n) => {
    const x = (n / peaks.length) * width;
    brush.fillStyle = n / peaks.length < played ? accentColor : color;
    const top = ((1 - high) / 2) * height;
    brush.fillRect(x, top, Math.max(1, width / peaks.length - scale / 2), Math.max(scale, ((high - low) / 2) * height));
  });
};
