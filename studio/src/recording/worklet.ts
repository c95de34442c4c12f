/** Runs in the audio thread: hands every block of the microphone to the page. */

class Recorder extends AudioWorkletProcessor {
  process([input]: Float32Array[][]): boolean {
    const channel = input?.[0];
    if (channel) {
      const copy = channel.slice(); // the block itself is used again
      this.port.postMessage(copy, [copy.buffer]);
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);

export {};
