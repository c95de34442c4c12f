import { useEffect, useRef } from "preact/hooks";
import { player } from "../sound/player";
import { SILENT } from "./fader";

const FALL = 24; // dB per second

/** Peaks rise at once and fall slowly. Nothing is measured while nothing plays. */
export const Meter = ({ peak, name }: { peak: () => number; name: string }) => {
  const element = useRef<HTMLDivElement>(null);
  const playing = player.playing.value;

  useEffect(() => {
    let frame = 0;
    let before = performance.now();
    let level = SILENT;
    const step = (now: number) => {
      level = Math.max(playing ? peak() : SILENT, level - ((now - before) / 1000) * FALL);
      before = now;
      element.current?.style.setProperty("--level", String(Math.max(0, 1 - level / SILENT)));
      if (playing || level > SILENT) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing]);

  return <div ref={element} class="meter" role="img" aria-label={`Meter of ${name}`} />;
};

const QUIETEST = -70; // LUFS, below which it is silence (BS.1770's absolute gate)

/** How loud the song is at this moment: the last three seconds, in LUFS. */
export const Loudness = () => {
  const lufs = player.loudness.value;
  const words = player.playing.value && lufs > QUIETEST ? lufs.toFixed(1) : "–";
  return (
    <output class="loudness" aria-label="Loudness of the last three seconds">
      {words} <abbr title="loudness units, full scale">LUFS</abbr>
    </output>
  );
};
