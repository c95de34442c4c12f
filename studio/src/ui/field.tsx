import { useSignal } from "@preact/signals";
import { notify } from "./notices";

/** Says why what was written changes nothing, and shows again what is so. */
export const refuse = (input: HTMLInputElement, name: string, stays: string): void => {
  const { value, min, max, validationMessage } = input;
  const bounds = min && max ? `it has to be from ${min} to ${max}.` : validationMessage;
  notify("trouble", `${name} stays ${stays}: ${value.trim() ? bounds : "it cannot be empty."}`);
  input.value = stays;
};

interface FieldProps {
  value: string;
  change: (written: string) => unknown;
  type?: "text" | "number";
  class?: string;
  "aria-label"?: string;
  maxLength?: number;
  min?: number;
  max?: number;
  step?: number | "any";
  disabled?: boolean;
}

/**
 * A line that keeps what is being written, whatever arrives from elsewhere meanwhile. It is told when the field is left,
 * or with Enter; Escape takes it back. What is empty or not valid changes nothing, and that is said.
 */
export const Field = ({ value, change, type = "text", ...others }: FieldProps) => {
  const written = useSignal<string | null>(null);
  const all = {
    ...others,
    value: written.value ?? value,
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
      written.value = currentTarget.value;
    },
    onBlur: ({ currentTarget }: { currentTarget: HTMLInputElement }) => {
      const wanted = written.value?.trim();
      written.value = null;
      if (wanted === undefined || wanted === value) return;
      if (wanted && currentTarget.validity.valid) change(wanted);
      else refuse(currentTarget, others["aria-label"] ?? "This", value);
    },
    onKeyDown: ({ key, currentTarget }: { key: string; currentTarget: HTMLInputElement }) => {
      if (key === "Escape") written.value = null;
      if (key === "Escape" || key === "Enter") currentTarget.blur();
    },
  };
  return type === "number" ? <input type="number" {...all} /> : <input type="text" {...all} />;
};
