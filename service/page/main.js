// The page, from its start: what the server offers, then words, texts, lists, and the address that remembers.

import { about } from "./about.js";
import { Api } from "./api.js";
import { at, el } from "./dom.js";
import { KeyDialog } from "./key.js";
import { List } from "./list.js";
import { Live } from "./live.js";
import { OptionsForm } from "./options.js";
import { Tabs } from "./tabs.js";
import { Text } from "./text.js";

// A longer address is cut by one program or another
const LONGEST = 2000;

const api = new Api();
const remembered = new URLSearchParams(location.hash.slice(1));
let features = { keys: false, stress: false, alignment: false, texts: false, languages: 1 };
let info = null;
let options = null;

const host = {
  api,
  features: () => features,
  info: () => info && spoken(),
  options: () => options.value,
  textOptions: () => options.ofText,
  askModel: () => { options.choose("source", "model"); options.fit(); changed(); },
  asList: (words) => { at("list").value = words.join("\n"); tabs.choose("list"); at("list").focus(); },
  changed: remember,
  trouble,
  well: () => { at("banner").hidden = true; fit(); },
};
const tabs = new Tabs(() => { remember(); ask(); });
const live = new Live(host);
const text = new Text(host);
const list = new List(host);
const key = new KeyDialog(api, connect, () => at(tabs.chosen).focus());

at("words").value = remembered.get("words") ?? "";
at("text").value = remembered.get("text") ?? "";
tabs.choose(remembered.get("tab") ?? "words");
start();

async function start() {
  try {
    features = await api.get("page/features.json");
    at("key-button").hidden = !features.keys;
    if (!features.texts) tabs.remove("text");
    if (!features.alignment) api.missing.add("alignment");
    if (features.keys && !api.key) {
      banner("This server answers with an API key only.", keyButton());
      return;
    }
    await connect();
  } catch (error) {
    trouble(error);
  }
}

/** Learn what the server offers, and begin. */
async function connect() {
  info = await api.get("info");
  at("banner").hidden = true;
  at("key-button").textContent = api.key ? "API key in use" : "API key";
  if (!options) {
    const only = [{ alphabets: info.alphabets, stress: features.stress }];
    const languages = features.languages > 1 ? (await api.get("languages")).languages : only;
    options = new OptionsForm({ languages, missing: api.missing, changed: () => { fit(); changed(); } });
    options.read(remembered);
    at(tabs.chosen).focus();
  }
  fit();
  ask();
}

/** What the server offers in the language that is chosen. */
function spoken() {
  const language = options?.language;
  if (!language || language === options.languages[0]) return info;
  const { model, alphabets, graphemes, phonemes, error_rates } = language;
  return { ...info, model, alphabets, graphemes, phonemes, error_rates, lexicons: [] };
}

/** Ask for what stands in the tab that is shown. */
function ask() {
  if (tabs.chosen === "text") text.ask();
  else live.ask();
}

/** The options are others: ask anew. */
function changed() {
  remember();
  ask();
}

/** Show what this server offers, which some requests found out. */
function fit() {
  if (!options) return;
  options.fit();
  about(spoken(), { ...features, stress: options.knowsStress }, api.missing, options.language);
}

/** Keep words and options in the address: behind the #, which no server gets to see. */
function remember() {
  const parameters = new URLSearchParams();
  if (at("words").value) parameters.set("words", at("words").value);
  if (at("text").value && at("text").value.length <= LONGEST) parameters.set("text", at("text").value);
  if (tabs.chosen !== "words") parameters.set("tab", tabs.chosen);
  options?.write(parameters);
  history.replaceState(null, "", `#${parameters}`);
}

function trouble(error) {
  if (error.status === 401) banner("The server does not know this API key any more.", keyButton());
  else banner(error.message, el("button", { type: "button", onclick: () => (info ? ask() : start()) }, "Try again"));
}

function banner(text, button) {
  at("banner").replaceChildren(el("span", {}, text), button);
  at("banner").hidden = false;
}

const keyButton = () => el("button.primary", { type: "button", onclick: () => key.open() }, "Enter a key");
