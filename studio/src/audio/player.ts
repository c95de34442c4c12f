import { signal } from "@preact/signals";

/** Plays one file. `position` is in seconds and moves with every frame while it plays. */
class Player {
  readonly playing = signal(false);
  readonly position = signal(0);
  readonly trouble = signal("");
  private readonly element = new Audio();

  constructor() {
    this.element.preload = "auto";
    this.element.addEventListener("play", () => {
      this.playing.value = true;
      this.follow();
    });
    for (const name of ["pause", "ended"]) this.element.addEventListener(name, () => (this.playing.value = false));
    this.element.addEventListener("error", () => {
      this.trouble.value = "This file could not be played. Its link may have expired: load the page again.";
    });
  }

  load(url: string): void {
    this.element.src = url;
    this.position.value = 0;
    this.trouble.value = "";
  }

  async toggle(): Promise<void> {
    if (!this.element.paused) return this.element.pause();
    await this.element.play().catch((error: Error) => (this.trouble.value ||= error.message));
  }

  stop(): void {
    this.element.pause();
  }

  seek(seconds: number): void {
    this.element.currentTime = seconds;
    this.position.value = seconds;
  }

  private follow(): void {
    this.position.value = this.element.currentTime;
    if (this.playing.value) requestAnimationFrame(() => this.follow());
  }
}

export const player = new Player();
