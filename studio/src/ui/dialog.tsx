import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface DialogProps {
  name: string;
  close: () => void;
  children: ComponentChildren;
}

/** Above everything else, until it is closed or Escape is pressed; the focus goes back to where it was. */
export const Dialog = ({ name, close, children }: DialogProps) => {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-label={name} onClose={close}>
      <header>
        <h2>{name}</h2>
        <button type="button" class="bare" aria-label="Close" onClick={() => element.current?.close()}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
};
