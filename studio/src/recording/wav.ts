const HEADER = 44; // bytes
const FULL = 0x7f_ff_ff; // of 24 bits

/** One channel as a WAV file of 24 bits (RIFF WAVE, PCM). */
export const wav = (blocks: readonly Float32Array[], rate: number): Blob => {
  const frames = blocks.reduce((sum, block) => sum + block.length, 0);
  const data = new DataView(new ArrayBuffer(HEADER + frames * 3));
  const text = (at: number, word: string) => {
    for (let each = 0; each < word.length; each++) data.setUint8(at + each, word.charCodeAt(each));
  };
  text(0, "RIFF");
  data.setUint32(4, HEADER - 8 + frames * 3, true);
  text(8, "WAVEfmt ");
  data.setUint32(16, 16, true); // bytes of the format
  data.setUint16(20, 1, true); // PCM
  data.setUint16(22, 1, true); // channels
  data.setUint32(24, rate, true);
  data.setUint32(28, rate * 3, true); // bytes per second
  data.setUint16(32, 3, true); // bytes per frame
  data.setUint16(34, 24, true); // bits
  text(36, "data");
  data.setUint32(40, frames * 3, true);
  let at = HEADER;
  for (const block of blocks) {
    for (const sample of block) {
      const value = Math.round(Math.max(-1, Math.min(1, sample)) * FULL);
      data.setUint8(at, value & 0xff);
      data.setUint8(at + 1, (value >> 8) & 0xff);
      data.setUint8(at + 2, (value >> 16) & 0xff);
      at += 3;
    }
  }
  return new Blob([data], { type: "audio/wav" });
};
