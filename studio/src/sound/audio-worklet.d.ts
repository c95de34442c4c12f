/** What there is in the audio thread besides what TypeScript's libraries know. */
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;
declare const currentTime: number; // seconds, on the clock of the context
