// Requests of a field that somebody types in: what is asked last is what is shown.

export class Latest {
  #timer = null;
  #asking = null;

  /**
   * @param {HTMLElement} place which is busy meanwhile
   * @param {Object} host
   * @param {(error: Error) => void} host.trouble what failed
   * @param {() => void} host.well nothing did
   */
  constructor(place, host) {
    this.place = place;
    this.host = host;
  }

  /** Ask once nobody has typed for so many milliseconds. */
  later(ask, milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(ask, milliseconds);
  }

  /** Forget what was asked before. */
  stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#busy(false);
  }

  /**
   * @param {(signal: AbortSignal) => Promise<Object>} request
   * @param {(answer: Object) => void} show
   */
  async ask(request, show) {
    this.stop();
    const asking = new AbortController();
    this.#asking = asking;
    this.#busy(true);
    try {
      const answer = await request(asking.signal);
      if (asking.signal.aborted) return;
      show(answer);
      this.host.well();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.host.trouble(error);
    }
    this.#busy(false);
  }

  #busy(is) { this.place.setAttribute("aria-busy", String(is)); }
}
