/** Faders are drawn in dB; the document keeps linear values. */
export const SILENT = -60; // dB that the lower end of a fader shows; it is silence
export const LOUDEST = 6;

export const toDb = (linear: number): number => (linear <= 0 ? SILENT : Math.max(SILENT, 20 * Math.log10(linear)));
export const toLinear = (db: number): number => (db <= SILENT ? 0 : 10 ** (db / 20));
export const dbText = (db: number): string => (db <= SILENT ? "−∞" : `${db >= 0.05 ? "+" : ""}${db.toFixed(1)}`);
