// How to pronounce: the choices above the answers, and the part of the address that remembers them.

import { at, el } from "./dom.js";

const NAMES = { arpabet: "ARPAbet", ipa: "IPA", "x-sampa": "X-SAMPA", cntk: "CNTK", native: "Native" };
const COUNTS = [1, 3, 5, 10];
// The tutorial's symbols have no place for it
const STRESSLESS = ["cntk"];
// Of texts alone
const SWITCHES = ["weak_forms", "punctuation", "ssml"];
const SOURCES = { auto: "Dictionary first", model: "Model only" };

export const alphabetName = (alphabet) => NAMES[alphabet] ?? alphabet;

/** Whether an alphabet can show stress. */
export const showsStress = (alphabet) => !STRESSLESS.includes(alphabet);

export class OptionsForm {
  /**
   * @param {Object[]} languages those of the server, its default first: alphabets, stress, and of several
   *   code and name
   * @param {Set<string>} missing options that the server turned down
   * @param {() => void} changed
   */
  constructor({ languages, missing, changed }) {
    this.languages = languages;
    this.missing = missing;
    at("language").append(...languages.map(({ code, name }) => el("option", { value: code }, name ?? "")));
    at("language").addEventListener("change", () => this.#speak());
    at("language-field").hidden = languages.length < 2;
    this.#speak();
    radios(at("alternatives"), "n", COUNTS.map((n) => [String(n), String(n)]));
    radios(at("source"), "source", Object.entries(SOURCES));
    at("stress").checked = true;
    at("options").addEventListener("change", () => { this.fit(); changed(); });
    at("options").addEventListener("submit", (event) => event.preventDefault());
    at("options").hidden = false;
    this.fit();
  }

  /** The language that is chosen. */
  get language() { return this.languages[Math.max(0, at("language").selectedIndex)]; }

  get knowsStress() { return this.language.stress; }

  /** Offer the alphabets of the language that is chosen; where it has the present one, that stays. */
  #speak() {
    const before = document.querySelector('input[name="alphabet"]:checked')?.value;
    at("alphabet").querySelector(".segments")?.remove();
    radios(at("alphabet"), "alphabet", this.language.alphabets.map((name) => [name, alphabetName(name)]));
    this.choose("alphabet", before);
  }

  /** What is chosen, as a request's options. */
  get value() {
    const alphabet = chosen("alphabet");
    // Alphabets differ in what they do unasked, so it is said
    const stress = this.knowsStress && showsStress(alphabet) ? at("stress").checked : undefined;
    const language = this.language === this.languages[0] ? undefined : this.language.code;
    return { source: chosen("source"), language, alphabet, stress, n: Number(chosen("n")) };
  }

  /** The same for texts. */
  get ofText() {
    const { source, language, alphabet, stress } = this.value;
    return { source, language, alphabet, stress, ...Object.fromEntries(SWITCHES.map((name) => [name, at(name).checked])) };
  }

  choose(name, value) {
    const radio = [...document.getElementsByName(name)].find((r) => r.value === value);
    if (radio) radio.checked = true;
    return Boolean(radio);
  }

  /** Hide what this server does not offer. */
  fit() {
    at("source").hidden = this.missing.has("source");
    at("alternatives").hidden = this.missing.has("n");
    at("stress-field").hidden = !this.knowsStress;
    const possible = showsStress(chosen("alphabet"));
    at("stress").disabled = !possible;
    at("stress").nextElementSibling.textContent = possible ? "Mark stress" : "Not in this alphabet";
  }

  /** Take what an address says. */
  read(parameters) {
    const spoken = this.languages.findIndex(({ code }) => code === parameters.get("language"));
    if (spoken > 0) {
      at("language").selectedIndex = spoken;
      this.#speak();
    }
    for (const name of ["alphabet", "n", "source"]) this.choose(name, parameters.get(name));
    if (parameters.has("stress")) at("stress").checked = parameters.get("stress") !== "0";
    for (const name of SWITCHES) at(name).checked = parameters.get(name) === "1";
    this.fit();
  }

  /** Say in an address what differs from the first choice. */
  write(parameters) {
    if (this.value.language) parameters.set("language", this.value.language);
    for (const name of ["alphabet", "n", "source"]) {
      const [first] = document.getElementsByName(name);
      if (!first.checked) parameters.set(name, chosen(name));
    }
    if (!at("stress").checked) parameters.set("stress", "0");
    for (const name of SWITCHES) if (at(name).checked) parameters.set(name, "1");
  }
}

const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

function radios(fieldset, name, values) {
  const labels = values.map(([value, text], i) =>
    el("label", {}, el("input", { type: "radio", name, value, checked: i === 0 }), el("span", {}, text)));
  fieldset.append(el("div.segments", {}, labels));
}
