import "./lyrics.css";
import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { answered, api, type Schemas } from "../api/client";
import { updateLyrics } from "../project/edits";
import { mayEdit, project, sections, tempoMap } from "../project/store";
import { player } from "../sound/player";

type Section = Schemas["SongSection"];

const PAUSE = 800; // ms without a key, after which what was written is stored and looked at

/** The words of the song: written on the left; their sections and syllables, and the bars they may fall on, beside. */
export const LyricsPanel = () => {
  const text = useSignal("");
  const found = useSignal<readonly Section[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const typing = useRef(false);

  const look = async (lyrics: string) => {
    if (!lyrics.trim()) {
      found.value = [];
      return;
    }
    const { analysis } = await answered(api.POST("/api/lyrics/analyze", { body: { lyrics } }));
    found.value = analysis?.structure?.sections ?? [];
  };

  useSignalEffect(() => {
    const stored = project.value?.lyrics ?? "";
    if (typing.current || stored === text.peek()) return;
    text.value = stored;
    void look(stored).catch(() => {});
  });

  const write = (value: string) => {
    text.value = value;
    typing.current = true;
    clearTimeout(timer.current);
    timer.current = setTimeout(async () => {
      await updateLyrics(value || null);
      typing.current = false;
      void look(value).catch(() => {});
    }, PAUSE);
  };

  const lines = text.value.split("\n");
  return (
    <section class="lyrics" aria-label="Lyrics">
      <textarea
        aria-label="Lyrics of the song"
        maxLength={20_000}
        placeholder={"[Verse 1]\nWrite here; sections and syllables are counted beside it."}
        value={text}
        disabled={!mayEdit.value}
        onInput={({ currentTarget }) => write(currentTarget.value)}
      />
      <ol>
        {found.value.map((section, index) => (
          <SectionOfWords key={`${section.lineStart}`} section={section} place={index} lines={lines} />
        ))}
      </ol>
    </section>
  );
};

interface SectionProps {
  section: Section;
  place: number;
  lines: readonly string[];
}

const SectionOfWords = ({ section, place, lines }: SectionProps) => {
  const { lineStart = 0, lineEnd = 0, sectionType = "", sectionNumber = 0, syllables = [] } = section;
  const sung = lines.slice(lineStart, lineEnd + 1).filter((line) => line.trim() && !/^\s*\[.*\]\s*$/.test(line));
  const name = `${sectionType} ${sectionNumber || ""}`.trim();
  const map = tempoMap.value;
  const named = sections.value.find((each) => each.name.toLowerCase() === name) ?? sections.value[place];
  const bar = named && map.position(named.beat).bar;
  return (
    <li>
      <h3>
        {name}
        {named && (
          <button type="button" class="bare" onClick={() => player.seek(map.seconds(named.beat))}>
            {`bar ${bar}`}
          </button>
        )}
      </h3>
      {sung.map((line, each) => (
        <p key={`${each}${line}`}>
          <span>{line}</span>
          <output aria-label="Syllables">{syllables[each] ?? ""}</output>
        </p>
      ))}
    </li>
  );
};
