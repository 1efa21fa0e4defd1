// Correct a word: what is written here, the server's lexicon answers from then on.

import { el, say } from "./dom.js";
import { alphabetName, showsStress } from "./options.js";

// How each alphabet is written, by example.
const HINTS = {
  arpabet: "Phonemes with spaces between them, a digit behind a vowel for stress (1 primary, 2 secondary, 0 none), as in T AE1 NG ER0",
  ipa: "As in ˈtæŋɚ, with ˈ and ˌ before stressed syllables",
  "x-sampa": "As in \"t{N@`, with \" and % before stressed syllables",
  cntk: "Phonemes with spaces between them, as in ~T ~AE ~NG ~ER",
  native: "Phonemes with spaces between them",
};

const route = (word, { language }) =>
  `lexicon/${encodeURIComponent(word)}${language ? `?language=${encodeURIComponent(language)}` : ""}`;

/**
 * Fill `place` with the form.
 * @param {HTMLElement} place
 * @param {Object} host as a card has it, and:
 * @param {Object} host.result the word's answer
 * @param {Object} host.options how it was asked for
 * @param {number} host.chosen which of its pronunciations is shown
 * @param {() => void} host.close
 * @param {(told: string) => Promise<void>} host.saved
 */
export async function correction(place, { api, info, features, result, options, chosen, close, saved }) {
  const known = new Set(info.phonemes);
  const own = info.alphabets[0];
  let alphabet = options.alphabet ?? own;
  let filled = "";
  const id = `correct-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const field = el("textarea", {
    id, rows: "1", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    "aria-describedby": `${id}-hint ${id}-fault`,
  });
  const fault = el("p.fault", { id: `${id}-fault`, role: "alert", hidden: true });
  const complain = (text) => { fault.textContent = text; fault.hidden = !text; };
  const written = el("select", { id: `${id}-alphabet`, onchange: rewrite },
    info.alphabets.map((name) => el("option", { value: name, selected: name === alphabet }, alphabetName(name))));
  const hint = el("p.hint", { id: `${id}-hint` });
  const palette = el("details", {}, el("summary", {}, "Phonemes to pick from"),
    el("div.palette", {}, info.phonemes.map((phoneme) => el("button", {
      type: "button", onclick: () => insert(field, phoneme),
    }, phoneme))));
  const form = el("form", { onsubmit: save, onkeydown: (e) => { if (e.key === "Escape") close(); } },
    el("label.field-label", { for: id }, `How ${result.word} is said`), field,
    info.alphabets.length > 1
      ? el("p.written", {}, el("label", { for: written.id }, "Written in "), written) : null,
    hint, palette, fault,
    el("div.row", {}, el("button.primary", { type: "submit" }, "Save in the lexicon"),
      result.source === "user" ? el("button", { type: "button", onclick: remove }, "Remove this entry") : null,
      el("button.quiet", { type: "button", onclick: close }, "Cancel")));
  place.replaceChildren(form);
  field.focus();
  await fill();

  /** Show what stands there now, in the alphabet that is chosen. */
  async function fill() {
    hint.textContent = `${HINTS[alphabet]}; a variant more on each further line.`;
    palette.hidden = alphabet !== own;
    try {
      field.value = filled = (await current()).join("\n");
      field.rows = Math.max(1, field.value.split("\n").length);
    } catch (error) {
      complain(error.message);
    }
  }

  /** Take another alphabet; what was typed stays as it is. */
  function rewrite() {
    alphabet = written.value;
    complain("");
    if (field.value === filled) return fill();
    hint.textContent = `${HINTS[alphabet]}; a variant more on each further line.`;
    palette.hidden = alphabet !== own;
  }

  /** What stands there now, as the lexicon writes it. */
  async function current() {
    const asked = { ...options, alphabet, stress: (features().stress && showsStress(alphabet)) || undefined };
    const [{ source, pronunciations }] = await api.pronounce([result.word], asked);
    const all = pronunciations.map((p) => p.text);
    // Variants belong together; of what the model thinks possible one is right
    return source === "model" ? [all[Math.min(chosen, all.length - 1)]] : all;
  }

  async function save(event) {
    event.preventDefault();
    const text = alphabet === "arpabet" ? field.value.toUpperCase() : field.value;
    const pronunciations = text.split("\n").map((line) => line.trim().split(/\s+/).join(" ")).filter(Boolean);
    // Of the others the server knows what can be read
    const strange = alphabet !== own ? [] : pronunciations.join(" ").split(" ")
      .filter((p) => p && !known.has(p) && !known.has(p.replace(/[012]$/, "")));
    if (!pronunciations.length) return complain("Write at least one pronunciation.");
    if (strange.length) return complain(`Not a phoneme here: ${[...new Set(strange)].join(", ")}`);
    return change(() => api.put(route(result.word, options), { alphabet, pronunciations }),
      `Saved: ${result.word} is ${pronunciations[0]} from now on.`);
  }

  function remove() {
    return change(() => api.delete(route(result.word, options)), `The entry of ${result.word} is removed.`);
  }

  async function change(request, told) {
    complain("");
    try {
      await request();
      await saved(told);
    } catch (error) {
      complain(error.message);
      say(error.message);
    }
  }
}

function insert(field, phoneme) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const before = value.slice(0, start).replace(/ *$/, (gap, at) => (at ? " " : ""));
  const after = value.slice(end).replace(/^ */, " ");
  field.value = before + phoneme + after;
  const caret = before.length + phoneme.length + 1;
  field.setSelectionRange(caret, caret);
}
