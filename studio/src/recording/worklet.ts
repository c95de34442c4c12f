/** Runs in the audio thread: hands every block of the microphone to the page. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

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
