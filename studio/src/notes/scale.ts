const ROOTS: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
const MAJOR = [0, 2, 4, 5, 7, 9, 11];
const MINOR = [0, 2, 3, 5, 7, 8, 10];
const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

/** The pitch classes of a key such as "F#m"; all twelve where it is not known. */
export const scaleOf = (key: string | null | undefined): ReadonlySet<number> => {
  const [, letter = "", sign = "", minor = ""] = /^([A-G])([#b♯♭]?)(m?)/.exec(key ?? "") ?? [];
  const root = ROOTS[letter];
  if (root === undefined) return new Set(NAMES.keys());
  const shift = sign === "" ? 0 : "#♯".includes(sign) ? 1 : -1;
  return new Set((minor ? MINOR : MAJOR).map((step) => (root + shift + step + 12) % 12));
};

/** Middle C is C4. */
export const pitchName = (pitch: number): string => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
export const isBlack = (pitch: number): boolean => [1, 3, 6, 8, 10].includes(pitch % 12);

/** General MIDI's percussion, for the names of the rows of drum clips. */
export const DRUMS: Readonly<Record<number, string>> = {
  35: "Kick 2",
  36: "Kick",
  37: "Rim",
  38: "Snare",
  39: "Clap",
  40: "Snare 2",
  41: "Low floor tom",
  42: "Closed hat",
  43: "High floor tom",
  44: "Pedal hat",
  45: "Low tom",
  46: "Open hat",
  47: "Mid tom",
  48: "High mid tom",
  49: "Crash",
  50: "High tom",
  51: "Ride",
  52: "China",
  53: "Bell",
  54: "Tambourine",
  55: "Splash",
  56: "Cowbell",
};
