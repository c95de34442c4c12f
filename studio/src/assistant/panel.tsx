import "./assistant.css";
/** The right side of the page: the assistant. */
export const AssistantPanel = () => (
  <aside class="assistant" aria-label="Assistant">
    <h2>Assistant</h2>
  </aside>
);
