// Words as they are typed: what is asked last is what is shown.

import { Card, spoken } from "./card.js";
import { at, el, say } from "./dom.js";
import { Latest } from "./latest.js";
import { split } from "./words.js";

// Between two keys of somebody who types
const PAUSE = 150;
// Listeners are told once the typing is over
const SPEAK = 700;
const MOST = 24;
const EXAMPLES = ["tangerish", "Ångström", "o'brien", "borrowers'", "zyzzyva", "1984"];

export class Live {
  #cards = [];

  /**
   * @param {Object} host as `Card` and `Latest` have it, and:
   * @param {() => void} host.changed the words are others
   * @param {(words: string[]) => void} host.asList show words as a list instead
   */
  constructor(host) {
    this.host = { ...host, again: () => this.ask() };
    this.latest = new Latest(at("cards"), host);
    this.field = at("words");
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => { if (event.key === "Enter") this.ask(); });
  }

  #typed() {
    this.latest.later(() => this.ask(), PAUSE);
    this.host.changed();
  }

  /** Ask for what stands in the field, and forget what was asked before. */
  async ask() {
    this.latest.stop();
    const words = split(this.field.value);
    if (!words.length) return this.#empty();
    if (!this.host.info()) return undefined;
    const options = { ...this.host.options(), alignment: true };
    const most = Math.min(MOST, this.host.info().limits.words);
    return this.latest.ask(
      (signal) => this.host.api.pronounce(words.slice(0, most), options, { signal, waiting: this.host.trouble }),
      (results) => this.#show(results, words.slice(most)));
  }

  #show(results, left) {
    while (this.#cards.length < results.length) {
      this.#cards.push(new Card(this.host));
    }
    this.#cards.length = results.length;
    results.forEach((result, i) => this.#cards[i].show(result, { alone: results.length === 1 }));
    const nodes = this.#cards.map((card) => card.node);
    if (left.length) nodes.push(this.#more(results.length, left.length));
    // Cards that stay are not taken out: the focus may be in one
    const place = at("cards");
    place.classList.toggle("several", results.length > 1);
    nodes.forEach((node, i) => { if (place.children[i] !== node) place.insertBefore(node, place.children[i] ?? null); });
    while (place.children.length > nodes.length) place.lastChild.remove();
    say(results.map(spoken).join(" "), SPEAK);
  }

  #more(shown, left) {
    return el("p.note", {}, `The first ${shown} words are shown, ${left} more are not. `,
      el("button.link", { type: "button", onclick: () => this.host.asList(split(this.field.value)) }, "Make a list of them"));
  }

  #empty() {
    this.#cards = [];
    at("cards").replaceChildren(el("p.examples", {}, el("span", {}, "Try "), EXAMPLES.map((word) =>
      el("button.chip", { type: "button", onclick: () => this.#try(word) }, word))));
    say("");
    this.host.well();
  }

  #try(word) {
    this.field.value = word;
    this.field.focus();
    this.host.changed();
    this.ask();
  }
}
