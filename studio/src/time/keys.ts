const ROOTS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

/** Every key as the server writes it, and as people say it. */
export const KEYS: readonly (readonly [key: string, words: string])[] = ROOTS.flatMap((root) => [
  [`${root}m`, `${root} minor`] as const,
  [root, `${root} major`] as const,
]);
