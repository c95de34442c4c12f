import "./notices.css";
import { signal } from "@preact/signals";

export interface Notice {
  id: number;
  kind: "news" | "trouble";
  words: string;
}

const SHOWN = 8000; // ms
const MOST = 4;
const notices = signal<readonly Notice[]>([]);
let last = 0;

/** Says something in the corner of the page, and to screen readers. */
export const notify = (kind: Notice["kind"], words: string): void => {
  const id = ++last;
  notices.value = [...notices.value.filter((each) => each.words !== words), { id, kind, words }].slice(-MOST);
  setTimeout(() => dismiss(id), SHOWN);
};

const dismiss = (id: number): void => {
  notices.value = notices.value.filter((each) => each.id !== id);
};

export const Notices = () => (
  <div class="notices" role="status" aria-live="polite">
    {notices.value.map(({ id, kind, words }) => (
      <p key={id} class={kind}>
        {words}
        <button type="button" class="bare" aria-label="Close this message" onClick={() => dismiss(id)}>
          ×
        </button>
      </p>
    ))}
  </div>
);
