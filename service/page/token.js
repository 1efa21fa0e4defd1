// What is known of one piece of a text: its kind, its words and senses; and its words' corrections.

import { canCorrect } from "./about.js";
import { badge } from "./card.js";
import { correction } from "./correct.js";
import { el, percent, say } from "./dom.js";

export class TokenDetails {
  /** Which token is shown; null for none. */
  index = null;

  /**
   * @param {Object} host as a card has it, and:
   * @param {() => Promise<void>} host.again ask anew, after a correction
   */
  constructor(host) {
    this.host = host;
    this.node = el("section.token-details", { "aria-label": "The chosen piece", hidden: true });
  }

  /**
   * Show a token.
   * @param {Object} token
   * @param {Object} given
   * @param {number} given.index of the token
   * @param {Object} given.options how the text was asked for
   * @param {boolean} given.open whether its word's correction is opened
   * @param {() => void} given.back where the focus goes when this is closed
   */
  show(token, { index, options, open, back }) {
    this.index = index;
    this.options = options;
    this.back = back;
    this.correcting = el("div.correcting", { hidden: true });
    const kind = token.confidence < 1 ? `${token.kind}, read so rightly in ${percent(token.confidence)}` : token.kind;
    this.node.replaceChildren(
      el("header", {}, el("h3", {}, token.text), el("span.hint", {}, kind)),
      el("ul.spoken-words", {}, token.words.map((word) => this.#word(word))),
      token.words.length || token.error ? "" : el("p.hint", {}, "Nothing is said for it."),
      token.warnings.length ? el("ul.warnings", { "aria-label": "Warnings" }, token.warnings.map((w) => el("li", {}, w))) : "",
      token.error ? el("p.note.bad", {}, token.error.message) : "",
      this.correcting);
    this.node.hidden = false;
    const [first] = this.node.querySelectorAll("button.quiet");
    if (open && first && token.words.length === 1) first.click();
    else if (open) say(`${token.text}: ${kind}, ${token.spoken || "nothing is said"}.`);
  }

  close() {
    this.index = null;
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  #word(word) {
    const sure = word.probability === null ? "" : el("span.number", {}, percent(word.probability));
    const row = el("div.row", {}, el("b", {}, word.word), el("span.text", {}, word.text || "–"), badge(word.source), sure);
    const correctable = canCorrect(this.host.info(), this.host.features()) && word.normalized;
    if (correctable) {
      row.append(el("button.quiet", {
        type: "button", "aria-label": `Correct ${word.word}`, onclick: () => this.#correct(word),
      }, word.source === "user" ? "Change …" : "Correct …"));
    }
    if (!word.sense) return el("li", {}, row);
    const all = correctable ? el("p.hint", {}, "An entry of this word counts for all of its senses.") : "";
    return el("li", {}, row, senses(word), all);
  }

  #correct(word) {
    const close = () => {
      this.correcting.hidden = true;
      this.back();
    };
    this.correcting.hidden = false;
    const saved = async (told) => {
      await this.host.again();
      this.back();
      say(told);
    };
    const given = { result: word, options: { ...this.options, n: 1 }, chosen: 0, close, saved };
    return correction(this.correcting, { ...this.host, info: this.host.info(), ...given });
  }
}

/** All senses of a homograph, the chosen one first. */
function senses({ word, text, sense }) {
  const all = [{ name: sense.name, probability: sense.probability, text }, ...(sense.alternatives ?? [])];
  return el("ol.sense-list", { "aria-label": `Senses of ${word}` }, all.map((each, i) =>
    el("li", {}, el("span", {}, each.name.replaceAll("_", " ")), el("span.text", {}, each.text),
      el("span.number", {}, percent(each.probability)), i ? "" : el("span.hint", {}, "chosen"))));
}
