// The server: requests, the API key, and what to leave out where a server does not know it.

const KEY = "tanger-api-key";
const TRIES = 4;
// Options that an older or smaller server may not offer; without them the rest still works
const OPTIONAL = ["source", "n", "alignment"];

/** A request that failed, with what the server said of it (RFC 9457). */
export class Problem extends Error {
  constructor(status, { detail, code, errors } = {}, retryAfter = null) {
    super(errors?.length ? errors.map((e) => `${e.where}: ${e.message}`).join("; ") : detail);
    this.status = status;
    this.code = code ?? "";
    this.errors = errors ?? [];
    this.retryAfter = retryAfter;
  }
}

export class Api {
  /** Options that this server turned down. */
  missing = new Set();
  #key = stored()?.getItem(KEY) ?? "";

  get key() { return this.#key; }

  set key(key) {
    this.#key = key;
    if (key) stored()?.setItem(KEY, key);
    else stored()?.removeItem(KEY);
  }

  /** Where a route is, whatever path this page is served under. */
  url(route) { return new URL(route, document.baseURI).href; }

  get(route, signal) { return this.#ask("GET", route, { signal }); }

  put(route, body) { return this.#ask("PUT", route, { body }); }

  delete(route) { return this.#ask("DELETE", route); }

  /** The body that asks for these words. */
  body(words, { source = "auto", language, alphabet, stress, n = 1, alignment }) {
    // JSON leaves out what is undefined
    const body = { words, source, language, alphabet, stress, n: n === 1 ? undefined : n, alignment: alignment || undefined };
    for (const name of this.missing) delete body[name];
    return body;
  }

  /**
   * Results for words, in their order. What the server does not offer is asked for only once; where it is
   * busy or starting, this waits as long as it says.
   */
  async pronounce(words, options, { signal, waiting } = {}) {
    for (;;) {
      const body = this.body(words, options);
      try {
        return (await this.#patient("pronounce", body, { signal, waiting })).results;
      } catch (error) {
        if (!(error instanceof Problem && error.status === 422 && this.#drop(error, body))) throw error;
      }
    }
  }

  /** The body that asks for a text. */
  textBody(text, { source = "auto", language, alphabet, stress, weak_forms, punctuation, ssml }) {
    const is = (value) => value || undefined;
    return { text, source, language, alphabet, stress, weak_forms: is(weak_forms), punctuation: is(punctuation), ssml: is(ssml) };
  }

  /** A text, read and pronounced; where the server is busy or starting, this waits as long as it says. */
  text(text, options, { signal, waiting } = {}) {
    return this.#patient("text", this.textBody(text, options), { signal, waiting });
  }

  async #patient(route, body, { signal, waiting = () => {} }) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask("POST", route, { body, signal });
      } catch (error) {
        if (!(error instanceof Problem) || error.retryAfter === null || tries === TRIES) throw error;
        waiting(error);
        await pause(1000 * Math.min(error.retryAfter, 10), signal);
      }
    }
  }

  #drop(error, body) {
    const named = error.errors.map((e) => e.where.split(".")[1]);
    const dropped = OPTIONAL.filter((name) => named.includes(name) && body[name] !== undefined);
    dropped.forEach((name) => this.missing.add(name));
    return dropped.length > 0;
  }

  async #ask(method, route, { body, signal } = {}) {
    const headers = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    const request = { method, headers, signal, credentials: "omit", cache: "no-store" };
    if (body !== undefined) request.body = JSON.stringify(body);
    let response;
    try {
      response = await fetch(this.url(route), request);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, { detail: "The server cannot be reached.", code: "unreachable" });
    }
    const text = await response.text();
    const answer = /\bjson\b/.test(response.headers.get("Content-Type") ?? "") ? JSON.parse(text) : null;
    if (response.ok) return answer;
    const retryAfter = response.headers.get("Retry-After");
    const told = answer ?? { detail: `The server answered ${response.status}.` };
    throw new Problem(response.status, told, retryAfter === null ? null : Number(retryAfter) || 1);
  }
}

/** What lives as long as the tab; a browser that keeps nothing keeps the key in memory. */
function stored() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
