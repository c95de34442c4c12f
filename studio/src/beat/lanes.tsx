import { player } from "../audio/player";
import { Waveform } from "../audio/waveform";
import { lanesOf } from "./beat";
import { beat } from "./store";

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;

/** The finished beat: its transport, and a waveform for each of its parts. */
export const Lanes = () => {
  const made = beat.value;
  if (!made) return null;
  const { playing, position, trouble } = player;
  const files = Object.entries({ ...made.urls, ...(made.midiUrl ? { midi: made.midiUrl } : {}) });

  return (
    <section class="panel beat" aria-label={made.title}>
      <div class="row transport">
        <button
          class="primary play"
          type="button"
          aria-label={playing.value ? "Pause" : "Play"}
          onClick={() => void player.toggle()}
        >
          {playing.value ? "❚❚" : "▶"}
        </button>
        <output class="clock">{`${clock(position.value)} / ${clock(made.duration)}`}</output>
        <h2>{made.title}</h2>
        <span class="facts">{`${Math.round(made.bpm)} bpm · ${made.key}${made.lufs ? ` · ${made.lufs} LUFS` : ""}`}</span>
        <span class="files">
          {files.map(([format, href]) => (
            <a key={format} href={href} target="_blank" rel="noreferrer">
              {format}
            </a>
          ))}
        </span>
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {lanesOf(made).map(({ name, audioFileId }) => (
        <div class="lane" key={audioFileId}>
          <span class="name">{name}</span>
          <Waveform audioFileId={audioFileId} duration={made.duration} name={name} />
        </div>
      ))}
    </section>
  );
};
