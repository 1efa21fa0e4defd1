// The two ways to bring words (WAI-ARIA Authoring Practices: tabs that follow the focus).

import { at } from "./dom.js";

const NAMES = ["words", "list"];

export class Tabs {
  /** @param {() => void} changed */
  constructor(changed) {
    this.chosen = NAMES[0];
    for (const name of NAMES) {
      at(`tab-${name}`).addEventListener("click", () => { this.choose(name); changed(); });
      at(`tab-${name}`).addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        this.choose(NAMES[(NAMES.indexOf(name) + step + NAMES.length) % NAMES.length]);
        at(`tab-${this.chosen}`).focus();
        changed();
      });
    }
  }

  /** Show a panel; the options go with it. */
  choose(name) {
    this.chosen = NAMES.includes(name) ? name : NAMES[0];
    for (const each of NAMES) {
      const is = each === this.chosen;
      at(`tab-${each}`).setAttribute("aria-selected", String(is));
      at(`tab-${each}`).tabIndex = is ? 0 : -1;
      at(`panel-${each}`).hidden = !is;
    }
    at(`panel-${this.chosen}`).querySelector(".options-place").append(at("options"));
  }
}
