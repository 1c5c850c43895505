/** Keeps the screen on while something moves: a phone that locks stops what its pages do. */

export class Awake {
  #lock = null;
  #wanted = false;
  #asking = false;

  constructor() {
    document.addEventListener('visibilitychange', () => this.#take());
  }

  get held() {
    return this.#lock !== null;
  }

  want(wanted) {
    this.#wanted = wanted;
    if (wanted) this.#take();
    else this.#lock?.release();
  }

  async #take() {
    const possible = 'wakeLock' in navigator && document.visibilityState === 'visible';
    if (!this.#wanted || this.#lock !== null || this.#asking || !possible) return;
    this.#asking = true;
    try {
      const lock = await navigator.wakeLock.request('screen');
      // The system takes it away with the page, and where the battery is low.
      lock.addEventListener('release', () => {
        if (this.#lock === lock) this.#lock = null;
      });
      this.#lock = lock;
      if (!this.#wanted) lock.release();
    } catch {
      // The battery saver refuses; the page's advice says to keep the screen on in any case.
    } finally {
      this.#asking = false;
    }
  }
}
