// One word's card: how it is said, how sure that is, and what can be done with it.

import { canCorrect } from "./about.js";
import { correction } from "./correct.js";
import { asCurl, asJSON, asSSML, toClipboard } from "./copy.js";
import { el, percent, say } from "./dom.js";
import { leastCertain, lettersOf, picture } from "./picture.js";

const SOURCES = { model: "Model", lexicon: "Dictionary", user: "User entry", override: "Given here" };

// Nobody asked for letters but this page, which sees that there are none
const UNASKED = "no alignment";

export const sourceName = (source) => SOURCES[source] ?? "No answer";

/** A label that says where an answer is from. */
export const badge = (source) => el(`span.badge.${source ?? "none"}`, {}, sourceName(source));

/** What is told to those who listen. */
export function spoken(result) {
  if (result.error) return `${result.word}: ${result.error.message}`;
  const [first, ...others] = result.pronunciations;
  const sure = first.probability === null ? "" : `, ${percent(first.probability)}`;
  const more = others.length ? `, and ${others.length} more` : "";
  return `${result.word}: ${first.text}, ${sourceName(result.source)}${sure}${more}.`;
}

export class Card {
  #chosen = 0;
  #alone = true;
  /** Whether the picture is open, once somebody said so. */
  #open = null;

  /**
   * @param {Object} host
   * @param {Api} host.api
   * @param {() => Object} host.options what is chosen at the moment
   * @param {() => {alphabets: string[], phonemes: string[]}} host.info what the server says of itself
   * @param {() => {keys: boolean}} host.features
   * @param {() => Promise<void>} host.again ask anew, after a correction
   * @param {() => void} host.askModel have the model answer, not the dictionary
   */
  constructor(host) {
    this.host = host;
    this.node = el("article.card");
  }

  /** Show a result; what was opened stays open. */
  show(result, { alone }) {
    const same = this.result?.word === result.word;
    this.result = result;
    this.options = this.host.options();
    if (!same || this.#chosen >= result.pronunciations.length) this.#chosen = 0;
    this.#alone = alone;
    this.heading = el("h3", { tabindex: "-1" }, result.word);
    this.main = el("div.said");
    this.aside = el("div");
    this.copied = el("div.copied", { hidden: true });
    this.correcting = el("div.correcting", { hidden: true });
    const head = el("header", {}, this.heading, badge(result.source));
    const left = el("div.left", {}, this.main, this.#notes(), this.#alternatives());
    this.node.replaceChildren(head, el("div.body", {}, left, this.aside), this.#actions(), this.copied, this.correcting);
    this.#say();
  }

  get #pronunciation() { return this.result.pronunciations[this.#chosen]; }

  /** The chosen pronunciation, its sounds under the letters that made them where that is known. */
  #say() {
    const pronunciation = this.#pronunciation;
    this.aside.replaceChildren();
    this.main.replaceChildren();
    if (!pronunciation) return;
    const { alignment } = pronunciation;
    const doubt = leastCertain(alignment);
    const parts = [
      el("p.sounds", {}, el("span.unseen", {}, pronunciation.text),
        el("span.ribbon", { "aria-hidden": "true" }, ribbon(pronunciation, doubt))),
    ];
    if (!pronunciation.complete) parts.push(el("p.note.warn", {}, "Cut short: the network found no end."));
    if (doubt >= 0) parts.push(doubtful(alignment, doubt));
    if (alignment) {
      const details = el("details.more", { open: this.#open ?? this.#alone },
        el("summary", { onclick: () => { this.#open = !details.open; } }, "Letters and sounds"),
        picture(this.result.word, alignment));
      this.aside.append(details);
    }
    this.main.append(...parts);
  }

  #notes() {
    const { error, source } = this.result;
    const warnings = this.result.warnings.filter((warning) => !warning.startsWith(UNASKED));
    const notes = warnings.length ? [el("ul.warnings", { "aria-label": "Warnings" }, warnings.map((w) => el("li", {}, w)))] : [];
    if (error) notes.push(el("p.note.bad", {}, error.message));
    if (source === "lexicon" || source === "user") {
      notes.push(el("p.hint", {}, "Written by people, so nothing had to be guessed. ",
        el("button.link", { type: "button", onclick: this.host.askModel }, "Ask the model instead")));
    }
    return notes;
  }

  #alternatives() {
    const all = this.result.pronunciations;
    if (!all.length || (all.length === 1 && all[0].probability === null)) return null;
    const sure = all.length > 1 ? "How likely each is right" : "How likely it is right";
    const title = all[0].probability === null ? "Variants" : sure;
    const rows = all.map((pronunciation, i) => {
      const children = [el("span.text", {}, pronunciation.text)];
      if (pronunciation.probability !== null) children.push(bar(pronunciation.probability));
      if (all.length === 1) return el("li.only", {}, children);
      return el("li", {}, el("button", {
        type: "button", "aria-pressed": String(i === this.#chosen), onclick: () => this.#choose(i),
      }, children));
    });
    this.list = el("ol.alternatives", {}, rows);
    return el("section", { "aria-label": `${title}: ${this.result.word}` }, el("h4", {}, title), this.list);
  }

  #choose(index) {
    this.#chosen = index;
    this.list.querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-pressed", String(i === index)));
    this.copied.hidden = true;
    this.#say();
    say(`${this.#pronunciation.text} is shown.`);
  }

  #actions() {
    const { api } = this.host;
    const { keys } = this.host.features();
    const { word, source, pronunciations } = this.result;
    const copy = (name, make) => el("button", {
      type: "button", "aria-label": `Copy ${word} as ${name}`, onclick: () => this.#copy(name, make),
    }, name);
    const body = api.body([word], { ...this.options, alignment: false });
    const copies = [copy("JSON", async () => asJSON(this.result))];
    if (this.host.info().alphabets.includes("ipa") && pronunciations.length) {
      copies.push(copy("IPA", () => this.#ipa()));
      copies.push(copy("SSML", async () => asSSML(word, await this.#ipa())));
    }
    copies.push(copy("curl", async () => asCurl(api.url("pronounce"), body, keys)));
    const row = el("div.actions", {},
      el("div.copies", { role: "group", "aria-label": `Copy ${word}` }, el("span", { "aria-hidden": "true" }, "Copy"), copies));
    if (canCorrect(this.host.info(), this.host.features())) {
      this.correct = el("button.quiet", { type: "button", "aria-expanded": "false", onclick: () => this.#correct() },
        source === "user" ? "Change …" : "Correct …");
      row.append(this.correct);
    }
    return row;
  }

  async #copy(name, make) {
    const coming = make();
    try {
      const done = await toClipboard(coming);
      const title = done ? `Copied as ${name}` : `The browser did not let it be copied; here it is as ${name}`;
      this.copied.replaceChildren(el("p", {}, title), el("pre", { tabindex: "0", "aria-label": name }, await coming));
      say(title);
    } catch (error) {
      this.copied.replaceChildren(el("p.fault", {}, error.message));
      say(error.message);
    }
    this.copied.hidden = false;
  }

  async #ipa() {
    if (this.options.alphabet === "ipa") return this.#pronunciation.text;
    const { word } = this.result;
    const [result] = await this.host.api.pronounce([word], { ...this.options, alphabet: "ipa" });
    // Two may be written alike in it
    return result.pronunciations[Math.min(this.#chosen, result.pronunciations.length - 1)].text;
  }

  async #correct() {
    const close = () => {
      this.correcting.hidden = true;
      this.correct.setAttribute("aria-expanded", "false");
      this.correct.focus();
    };
    if (!this.correcting.hidden) return close();
    this.correct.setAttribute("aria-expanded", "true");
    this.correcting.hidden = false;
    const saved = async (told) => {
      await this.host.again();
      this.heading.focus();
      say(told);
    };
    return correction(this.correcting, { ...this.host, info: this.host.info(), result: this.result, options: this.options, chosen: this.#chosen, close, saved });
  }
}

function ribbon({ phonemes, alignment }, doubt) {
  if (!alignment) return phonemes.map((phoneme) => el("span.sound", {}, el("b", {}, phoneme)));
  const parts = [];
  let heard = 0;
  alignment.phonemes.forEach((p, i) => {
    if (p.start > heard) parts.push(sound(alignment.letters.slice(heard, p.start).join(""), "–", "silent"));
    parts.push(sound(lettersOf(alignment, p), phonemes[i], i === doubt ? "doubtful" : "sure"));
    heard = Math.max(heard, p.end);
  });
  const rest = alignment.letters.slice(heard).join("");
  if (rest) parts.push(sound(rest, "–", "silent"));
  return parts;
}

const sound = (letters, phoneme, kind) => el(`span.sound.${kind}`, {}, el("i", {}, letters || "\u00a0"), el("b", {}, phoneme));

function doubtful(alignment, place) {
  const p = alignment.phonemes[place];
  const letters = lettersOf(alignment, p);
  return el("p.doubt", {}, "Least certain: ", el("b", {}, p.phoneme), letters ? ` from ${letters}` : "",
    `, ${percent(p.probability)}`);
}

function bar(probability) {
  const fill = el("span.fill");
  fill.style.width = `${(100 * probability).toFixed(1)}%`;
  return [el("span.bar", { "aria-hidden": "true" }, fill), el("span.number", {}, percent(probability))];
}

