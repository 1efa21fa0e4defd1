// A text, piece by piece: what each is, how it is read and pronounced, and what stands in its place.

import { asCurl, asJSON, toClipboard } from "./copy.js";
import { at, el, say } from "./dom.js";
import { Latest } from "./latest.js";
import { TokenDetails } from "./token.js";

// Whole sentences take longer to type than words
const PAUSE = 300;
const SPEAK = 900;
// More pieces make browsers slow
const SHOWN = 3000;
const EXAMPLES = [
  "Dr. Jones read 3 books on Elm St. in 1984.",
  "We had a live record of H2SO4 at 25°C, for $5.3 billion.",
  "Henry VIII's résumé: 1/2 résumé, ½ rosé 🍷",
];
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
// Kinds that share a colour, and what the legend calls it
const COLOURS = {
  number: ["number", "ordinal", "year", "fraction", "range", "roman"],
  time: ["date", "time"],
  money: ["money", "measure"],
  short: ["abbreviation", "acronym", "alphanumeric"],
  address: ["telephone", "electronic"],
  sign: ["sign", "emoji", "markup"],
};
const colourOf = (kind) => Object.keys(COLOURS).find((colour) => COLOURS[colour].includes(kind)) ?? "plain";

export class Text {
  #tokens = [];

  /**
   * @param {Object} host as `TokenDetails` and `Latest` have it, and:
   * @param {() => Object} host.textOptions what is chosen at the moment
   * @param {() => void} host.changed the text is another
   */
  constructor(host) {
    this.host = host;
    this.result = at("text-result");
    this.latest = new Latest(this.result, host);
    this.details = new TokenDetails({ ...host, again: () => this.ask() });
    this.field = at("text");
    this.field.addEventListener("input", () => {
      this.latest.later(() => this.ask(), PAUSE);
      host.changed();
    });
  }

  /** Ask for what stands in the field, and forget what was asked before. */
  async ask() {
    this.latest.stop();
    const text = this.field.value;
    if (!text.trim()) return this.#empty();
    if (!this.host.info()) return undefined;
    this.options = this.host.textOptions();
    return this.latest.ask(
      (signal) => this.host.api.text(text, this.options, { signal, waiting: this.host.trouble }),
      (answer) => this.#show(answer));
  }

  #show(answer) {
    const before = this.details.index;
    const same = this.answer?.text === answer.text;
    this.answer = answer;
    this.copied = el("div.copied", { hidden: true });
    const tokens = answer.tokens.slice(0, SHOWN);
    this.#tokens = tokens.filter(isChosen).map((token) => ({ token, node: this.#piece(token) }));
    const nodes = new Map(this.#tokens.map(({ token, node }) => [token, node]));
    const pieces = el("div.tokens", { role: "toolbar", "aria-label": "The text, piece by piece", onkeydown: (event) => this.#move(event) },
      tokens.map((token) => nodes.get(token) ?? token.text));
    this.#tokens.slice(1).forEach(({ node }) => { node.tabIndex = -1; });
    const left = answer.tokens.length - tokens.length;
    this.result.replaceChildren(
      el("h2.unseen", {}, "How the text is read"), pieces,
      left ? el("p.note", {}, `The first ${SHOWN} pieces are shown, ${left} more are not; what is copied has them all.`) : "",
      legend(this.#tokens.map(({ token }) => token)), this.details.node,
      line("Spoken", el("p.spoken", {}, answer.spoken || "Nothing.")),
      line("Pronunciation", el("p.text", {}, answer.pronunciation || "None.")),
      this.#actions(), this.copied, notes(answer));
    // What was chosen stays so while options change
    if (same && before !== null && this.#tokens[before]) this.#choose(before, { open: false });
    else this.details.close();
    say(`Read as: ${answer.spoken}`.slice(0, 300), SPEAK);
  }

  #piece(token) {
    const classes = ["token", colourOf(token.kind)];
    if (token.error) classes.push("failed");
    if (token.words.some((word) => word.sense)) classes.push("senses");
    if (token.words.some((word) => word.source === "model")) classes.push("guessed");
    const read = token.spoken && token.spoken !== token.text.toLowerCase() ? ` ${token.spoken}` : "";
    return el(`button.${classes.join(".")}`, {
      type: "button", title: `${token.kind}:${read || ` ${token.text}`}`, "aria-pressed": "false",
      onclick: () => this.#choose(this.#tokens.findIndex((each) => each.token === token), { open: true }),
    }, token.text);
  }

  /** Show a token's details; with its word's correction, where somebody chose it. */
  #choose(index, { open }) {
    const { token, node } = this.#tokens[index];
    const again = open && this.details.index === index;
    this.#tokens.forEach((each) => each.node.setAttribute("aria-pressed", String(each.node === node && !again)));
    if (again) return this.details.close();
    this.#tokens.forEach((each) => { each.node.tabIndex = each.node === node ? 0 : -1; });
    return this.details.show(token, { index, options: this.options, open, back: () => node.focus() });
  }

  /** Go to another token (WAI-ARIA Authoring Practices: toolbar). */
  #move(event) {
    const here = this.#tokens.findIndex(({ node }) => node === event.target);
    const last = this.#tokens.length - 1;
    const to = { Home: 0, End: last }[event.key] ?? here + STEPS[event.key];
    if (here < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    const { node } = this.#tokens[Math.min(Math.max(to, 0), last)];
    this.#tokens.forEach((each) => { each.node.tabIndex = each.node === node ? 0 : -1; });
    node.focus();
  }

  #actions() {
    const { api } = this.host;
    const copy = (name, make) => el("button", {
      type: "button", "aria-label": `Copy the text’s ${name}`, onclick: () => this.#copy(name, make()),
    }, name);
    const body = api.textBody(this.answer.text, this.options);
    return el("div.copies", { role: "group", "aria-label": "Copy the text" },
      el("span", { "aria-hidden": "true" }, "Copy"),
      copy("Pronunciation", () => this.answer.pronunciation),
      copy("JSON", () => asJSON(this.answer)),
      copy("curl", () => asCurl(api.url("text"), body, this.host.features().keys)));
  }

  async #copy(name, text) {
    const done = await toClipboard(Promise.resolve(text));
    const title = done ? `Copied: ${name}` : `The browser did not let it be copied; here it is: ${name}`;
    this.copied.replaceChildren(el("p", {}, title), el("pre", { tabindex: "0", "aria-label": name }, text));
    this.copied.hidden = false;
    say(title);
  }

  #empty() {
    this.answer = null;
    this.details.close();
    this.result.replaceChildren(el("p.examples", {}, el("span", {}, "Try "), EXAMPLES.map((text) =>
      el("button.chip", { type: "button", onclick: () => this.#try(text) }, text))));
    say("");
    this.host.well();
  }

  #try(text) {
    this.field.value = text;
    this.field.focus();
    this.host.changed();
    this.ask();
  }
}

/** Whether there is something to know of a token. */
const isChosen = ({ kind, words, warnings, error }) =>
  kind !== "space" && (kind !== "punctuation" || words.length > 0 || warnings.length > 0 || error !== null);

/** What the colours and lines of these tokens mean. */
function legend(tokens) {
  const kinds = [...new Set(tokens.map(({ kind }) => kind))].filter((kind) => kind !== "word");
  const marks = [
    ["senses", "several senses", ({ words }) => words.some((word) => word.sense)],
    ["guessed", "by the model", ({ words }) => words.some((word) => word.source === "model")],
    ["failed", "not pronounced", ({ error }) => error],
  ].filter(([, , has]) => tokens.some(has));
  if (!kinds.length && !marks.length) return "";
  return el("ul.legend", { "aria-label": "Legend" },
    kinds.map((kind) => el("li", {}, el(`span.token.${colourOf(kind)}`, {}, kind))),
    marks.map(([mark, name]) => el("li", {}, el(`span.token.plain.${mark}`, {}, name))));
}

const line = (title, content) => el("section.line", { "aria-label": title }, el("h3", {}, title), content);

/** Warnings and errors, each once. */
function notes({ warnings, tokens }) {
  const errors = [...new Set(tokens.filter(({ error }) => error).map(({ text, error }) => `${text}: ${error.message}`))];
  return el("div.left", {},
    warnings.length ? el("ul.warnings", { "aria-label": "Warnings" }, warnings.map((w) => el("li", {}, w))) : "",
    errors.map((error) => el("p.note.bad", {}, error)));
}
