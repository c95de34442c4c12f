import { mayEdit } from "../project/store";
import { showMenuBelow } from "../ui/menu";
import { BAR, following, snap } from "../view";
import { repeat, selection, split } from "./actions";
import { clipItems } from "./clip-menu";
import { scaleTracks, zoomBy, zoomToFit, zoomToSelection } from "./layout";
import { itemsAt } from "./places";
import { chosen } from "./upload";

const SNAPS: [beats: number, name: string][] = [
  [BAR, "Bar"],
  [2, "1/2"],
  [1, "1/4"],
  [0.5, "1/8"],
  [1 / 3, "1/8 triplet"],
  [0.25, "1/16"],
  [0, "Off"],
];

/** What is done to clips and to the view, for those who look for it with the mouse. */
export const Toolbar = () => {
  const selected = selection().length > 0;
  const off = !mayEdit.value || !selected;
  return (
    <div class="toolbar" role="toolbar" aria-label="Arrangement tools">
      <label>
        Snap{" "}
        <select value={snap.value} onChange={({ currentTarget }) => (snap.value = Number(currentTarget.value))}>
          {SNAPS.map(([beats, name]) => (
            <option key={name} value={beats}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" title="S" disabled={!mayEdit.value} onClick={() => split()}>
        Split
      </button>
      <button type="button" title="Ctrl D" disabled={off} onClick={() => repeat()}>
        Duplicate
      </button>
      <button
        type="button"
        aria-haspopup="menu"
        disabled={!selected}
        onClick={({ currentTarget }) => showMenuBelow(currentTarget, "Clip", clipItems())}
      >
        Clip ▾
      </button>
      <button
        type="button"
        aria-haspopup="menu"
        onClick={({ currentTarget }) => {
          const { left, bottom } = currentTarget.getBoundingClientRect();
          showMenuBelow(currentTarget, "Places", itemsAt(left, bottom));
        }}
      >
        Places ▾
      </button>
      <label class="import">
        Upload…
        <input
          type="file"
          multiple
          accept="audio/*,.wav,.mp3,.flac,.ogg,.m4a,.aif,.aiff"
          disabled={!mayEdit.value}
          onChange={({ currentTarget }) => {
            chosen([...(currentTarget.files ?? [])]);
            currentTarget.value = "";
          }}
        />
      </label>
      <span class="grow" />
      <button
        type="button"
        aria-pressed={following.value}
        title="Turn the page with the playhead"
        onClick={() => {
          following.value = !following.value;
        }}
      >
        Follow
      </button>
      <span class="group" role="group" aria-label="Height of tracks">
        <button type="button" aria-label="Lower tracks" title="Alt and wheel" onClick={() => scaleTracks(1 / 1.25)}>
          ↕−
        </button>
        <button type="button" aria-label="Higher tracks" title="Alt and wheel" onClick={() => scaleTracks(1.25)}>
          ↕+
        </button>
      </span>
      <span class="group" role="group" aria-label="Zoom">
        <button type="button" aria-label="Zoom out" title="−" onClick={() => zoomBy(1 / 1.5)}>
          −
        </button>
        <button type="button" aria-label="Zoom in" title="+" onClick={() => zoomBy(1.5)}>
          +
        </button>
        <button type="button" aria-label="Fit everything" title="Shift Z" onClick={zoomToFit}>
          Fit
        </button>
        <button
          type="button"
          aria-label="Zoom to the selection"
          title="Z"
          disabled={!selected}
          onClick={zoomToSelection}
        >
          Selection
        </button>
      </span>
    </div>
  );
};
