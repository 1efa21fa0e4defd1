// What is being served, and what is off here.

import { at, el } from "./dom.js";
import { alphabetName } from "./options.js";

/** Fill the last section of the page. */
export function about(info, features, missing, { name, licence, attribution } = {}) {
  const rows = [
    ...(name ? [["Language", name]] : []),
    ["Model", `${info.model.name}, version ${info.model.version}`],
    ...Object.entries(info.error_rates).map(([name, measured]) => [`Measured on ${name}`, measure(measured)]),
    ["Alphabets", info.alphabets.map(alphabetName).join(", ")],
    ["Letters", info.graphemes.join(" ")],
    ["Stress", features.stress ? "known" : "off: this model was not trained for it"],
    ["Dictionary", dictionaries(info, missing)],
    ["Alternatives", missing.has("n") ? "off on this server" : "up to 10"],
    ["Letters and sounds", missing.has("alignment") ? "off on this server" : "shown for the model’s answers"],
    ["Corrections", corrections(info, features)],
    ...(licence ? [["Licence of the model", licence]] : []),
    ...(attribution ? [["Learnt from", attribution]] : []),
    ["A request", `at most ${info.limits.words} words of ${info.limits.letters} letters`],
  ];
  const links = features.keys ? [] : [el("p", {}, el("a", { href: "docs" }, "How programs ask: the API"))];
  at("about-text").replaceChildren(
    el("dl", {}, rows.map(([name, told]) => el("div", {}, el("dt", {}, name), el("dd", {}, told)))), ...links);
}

function dictionaries({ lexicons }, missing) {
  if (missing.has("source") || !lexicons?.length) return "none: every answer is the model’s";
  return lexicons.map(({ name, words }) => `${name}, ${words.toLocaleString("en")} words`).join("; ");
}

function corrections(info, features) {
  if (!features.keys) return "off: no API keys are configured on this server";
  return canCorrect(info, features) ? "with an API key" : "off: this server keeps no lexicon of its users";
}

/** Whether words can be corrected here. */
export const canCorrect = ({ user_lexicon: kept = true }, { keys }) => keys && kept;

function measure({ any_match: rates }) {
  if (!rates) return "–";
  const share = (rate) => `${(100 * rate).toFixed(1)} %`;
  const words = rates.words?.toLocaleString("en") ?? "all";
  return `${share(rates.wer)} of ${words} words wrong, ${share(rates.per)} of the phonemes`;
}
