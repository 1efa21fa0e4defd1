// A table for a pasted list: asked for in portions, and a failure costs no row but its own.

import { Problem } from "./api.js";
import { badge, sourceName } from "./card.js";
import { at, el, percent, say } from "./dom.js";
import { download, FORMATS } from "./formats.js";
import { alphabetName } from "./options.js";
import { split } from "./words.js";

// More rows make browsers slow; the files hold them all
const SHOWN = 2000;
const UNSURE = 0.5;
const ORDERS = { all: "All, as pasted", unsure: "Least certain first", failed: "Failed only" };

export class List {
  #rows = [];
  #stop = null;

  /** @param {{api: Api, options: () => Object, info: () => Object, trouble: (error: Error) => void}} host */
  constructor(host) {
    this.host = host;
    at("list-run").addEventListener("click", () => this.#start());
    at("list-stop").addEventListener("click", () => this.#stop?.abort());
    at("list-file-button").addEventListener("click", () => at("list-file").click());
    at("list-file").addEventListener("change", (event) => this.#open(event.target.files[0]));
    const field = at("list");
    field.addEventListener("dragover", (event) => event.preventDefault());
    field.addEventListener("drop", (event) => {
      const [file] = event.dataTransfer.files;
      if (!file) return;
      event.preventDefault();
      this.#open(file);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#start();
    });
  }

  async #open(file) {
    if (file) at("list").value = await file.text();
    at("list-file").value = "";
  }

  async #start() {
    if (this.#stop || !this.host.info()) return;
    const words = split(at("list").value);
    if (!words.length) {
      say("There is no word in the list.");
      at("list").focus();
      return;
    }
    this.#rows = words.map((word) => ({ word, result: null, failure: null }));
    this.options = this.host.options();
    this.#build();
    await this.#fill(this.#rows, this.options);
  }

  /** Ask for rows and show how far that is; whether all were asked for. */
  async #fill(rows, options) {
    this.#stop = new AbortController();
    this.#running(true);
    let done = 0;
    try {
      for (const portion of portions(rows, this.host.info().limits)) {
        await this.#ask(portion, options);
        done += portion.length;
        this.#progress(done, rows.length);
        portion.forEach((row) => this.#update(row));
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      rows.filter((row) => !row.result && !row.failure).forEach((row) => {
        row.failure = "stopped before it was asked";
        this.#update(row);
      });
    } finally {
      const stopped = this.#stop.signal.aborted;
      this.#stop = null;
      this.#running(false);
      this.#summary(stopped);
    }
  }

  async #ask(rows, options) {
    try {
      const results = await this.host.api.pronounce(rows.map((row) => row.word), options, {
        signal: this.#stop.signal,
        waiting: (error) => { this.note.textContent = `Waiting ${error.retryAfter} s: ${error.message}`; },
      });
      rows.forEach((row, i) => Object.assign(row, { result: results[i], failure: null }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // One word may have been too much for all of them
      if (rows.length > 1 && [413, 422].includes(error.status)) {
        const half = Math.ceil(rows.length / 2);
        await this.#ask(rows.slice(0, half), options);
        await this.#ask(rows.slice(half), options);
        return;
      }
      rows.forEach((row) => { row.failure = error.message; });
      if (error.status === 401) this.host.trouble(error);
    }
  }

  #build() {
    const { alphabet, stress } = this.options;
    this.bar = el("progress", { max: this.#rows.length, value: 0, "aria-label": "Words pronounced" });
    this.note = el("p.progress-text");
    this.body = el("tbody");
    this.order = el("select", { id: "list-order", onchange: () => this.#arrange() },
      Object.entries(ORDERS).map(([value, text]) => el("option", { value }, text)));
    this.tools = el("div.row.tools", { hidden: true },
      el("label", { for: "list-order" }, "Show"), this.order,
      el("span.downloads", { role: "group", "aria-label": "Download" }, el("span", { "aria-hidden": "true" }, "Download"),
        Object.entries(FORMATS).map(([ending, format]) => el("button", {
          type: "button", "aria-label": `Download as ${format.name}`, onclick: () => this.#download(ending, format),
        }, format.name))));
    this.again = el("button", { type: "button", hidden: true, onclick: () => this.#retry() }, "Try the failed ones again");
    const written = alphabetName(alphabet) + (stress ? ", with stress" : "");
    const table = el("table.list-table", {},
      el("caption", {}, `${count(this.#rows.length)} in ${written}`),
      el("thead", {}, el("tr", {}, ["Word", "Pronunciation", "Source"].map((t) => el("th", { scope: "col" }, t)))),
      this.body);
    at("list-result").replaceChildren(this.bar, this.note, this.again, this.tools, table);
    at("list-result").hidden = false;
    this.#rows.forEach((row) => { row.node = el("tr"); this.#update(row); });
    this.#arrange();
  }

  #update(row) {
    const { result, failure } = row;
    const fault = failure ?? result?.error?.message;
    const first = result?.pronunciations[0];
    const unsure = first && first.probability !== null && first.probability < UNSURE;
    row.node.className = fault ? "failed" : unsure ? "unsure" : "";
    const said = el("td");
    if (fault) said.append(el("span.fault", {}, fault));
    else if (!result) said.append(el("span.hint", {}, "…"));
    else said.append(...result.pronunciations.map((p) => el("span.text", {}, p.text)));
    if (result) said.append(...result.warnings.map((w) => el("small.warning", {}, w)));
    const from = el("td");
    if (result && !fault) {
      from.append(badge(result.source));
      if (first.probability !== null) {
        from.append(el("span.number", {}, percent(first.probability)), unsure ? el("small.warning", {}, "unsure") : "");
      }
    }
    row.node.replaceChildren(el("th", { scope: "row" }, row.word), said, from);
  }

  #arrange() {
    const order = this.order.value;
    let rows = this.#rows;
    if (order === "failed") rows = rows.filter(failed);
    if (order === "unsure") rows = [...rows].sort((a, b) => doubt(a) - doubt(b));
    this.body.replaceChildren(...rows.slice(0, SHOWN).map((row) => row.node));
    if (!rows.length) this.body.append(el("tr", {}, el("td", { colspan: 3 }, "None.")));
    if (rows.length > SHOWN) {
      const told = `The first ${SHOWN} of ${rows.length} are shown; the files hold them all.`;
      this.body.append(el("tr", {}, el("td", { colspan: 3 }, told)));
    }
  }

  #progress(done, all) {
    this.bar.max = all;
    this.bar.value = done;
    this.note.textContent = `${done} of ${count(all)}`;
  }

  #running(is) {
    at("list-run").setAttribute("aria-disabled", String(is));
    at("list-stop").hidden = !is;
    this.bar.hidden = !is;
    this.again.hidden = true;
    at("list-result").setAttribute("aria-busy", String(is));
  }

  #summary(stopped) {
    const wrong = this.#rows.filter(failed).length;
    const from = Object.entries(bySource(this.#rows)).map(([source, n]) => `${sourceName(source)} ${n}`);
    const told = [`${stopped ? "Stopped" : "Done"}: ${count(this.#rows.length)}`, ...from, `failed ${wrong}`].join(" · ");
    this.note.textContent = told;
    this.again.hidden = !this.#rows.some((row) => row.failure);
    this.tools.hidden = false;
    if (this.order.value !== "all") this.#arrange();
    say(told);
  }

  async #retry() {
    await this.#fill(this.#rows.filter((row) => row.failure), this.options);
  }

  async #download(ending, { type, write, alphabets }) {
    if (this.#stop) return;
    let rows = this.#rows;
    if (alphabets && !alphabets.includes(this.options.alphabet)) {
      // CMUdict is written in one alphabet: the same answers, in that one
      const alphabet = this.host.info().alphabets.find((name) => alphabets.includes(name));
      rows = rows.map(({ word }) => ({ word, result: null, failure: null, node: el("tr") }));
      await this.#fill(rows, { ...this.options, alphabet });
    }
    download(`pronunciations.${ending}`, type, write(rows));
    say(`pronunciations.${ending} is downloaded.`);
  }
}

const failed = (row) => Boolean(row.failure || row.result?.error);

/** How many rows were answered from where. */
function bySource(rows) {
  const counts = {};
  for (const row of rows.filter((row) => !failed(row))) counts[row.result.source] = (counts[row.result.source] ?? 0) + 1;
  return counts;
}

const count = (n) => `${n.toLocaleString("en")} ${n === 1 ? "word" : "words"}`;

/** How certain a row is, the failed before all. */
function doubt(row) {
  if (failed(row)) return -1;
  return row.result?.pronunciations[0].probability ?? 1;
}

/** Rows in portions that a request may hold. */
function* portions(rows, limits) {
  const bytes = new TextEncoder();
  let portion = [];
  let size = 0;
  for (const row of rows) {
    // JSON may write a character as six
    const more = 6 * bytes.encode(row.word).length + 3;
    if (portion.length && (portion.length === limits.words || size + more > limits.body_bytes / 2)) {
      yield portion;
      portion = [];
      size = 0;
    }
    portion.push(row);
    size += more;
  }
  if (portion.length) yield portion;
}
