// The ways to bring words (WAI-ARIA Authoring Practices: tabs that follow the focus).

import { at } from "./dom.js";

export class Tabs {
  #names = ["words", "text", "list"];

  /** @param {() => void} changed */
  constructor(changed) {
    this.chosen = this.#names[0];
    for (const name of this.#names) {
      at(`tab-${name}`).addEventListener("click", () => { this.choose(name); changed(); });
      at(`tab-${name}`).addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const names = this.#names;
        this.choose(names[(names.indexOf(name) + step + names.length) % names.length]);
        at(`tab-${this.chosen}`).focus();
        changed();
      });
    }
  }

  /** Show a panel; the options go with it. */
  choose(name) {
    this.chosen = this.#names.includes(name) ? name : this.#names[0];
    for (const each of this.#names) {
      const is = each === this.chosen;
      at(`tab-${each}`).setAttribute("aria-selected", String(is));
      at(`tab-${each}`).tabIndex = is ? 0 : -1;
      at(`panel-${each}`).hidden = !is;
    }
    at(`panel-${this.chosen}`).querySelector(".options-place").append(at("options"));
  }

  /** Take away what this server does not offer. */
  remove(name) {
    this.#names = this.#names.filter((each) => each !== name);
    at(`tab-${name}`).hidden = true;
    at(`panel-${name}`).hidden = true;
    this.choose(this.chosen);
  }
}
