/** What the page gets: samples, and when the first of them came, on the context's clock. */
export interface Block {
  samples: Float32Array;
  time: number;
}

/** Runs in the audio thread: hands every block of the microphone to the page. */

class Recorder extends AudioWorkletProcessor {
  process([input]: Float32Array[][]): boolean {
    const channel = input?.[0];
    if (channel) {
      const samples = channel.slice(); // the block itself is used again
      this.port.postMessage({ samples, time: currentTime } satisfies Block, [samples.buffer]);
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
