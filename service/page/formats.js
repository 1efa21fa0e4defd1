// A list of answers as a file.

const COLUMNS = ["word", "pronunciation", "source", "probability", "complete", "warnings", "error"];

const told = (row) => row.failure ?? row.result.error?.message ?? "";

/** The cells of a row: a line a pronunciation, and one for a word that has none. */
function* lines(rows) {
  for (const row of rows) {
    const { result } = row;
    const warnings = result?.warnings.join("; ") ?? "";
    if (!result?.pronunciations.length) yield [row.word, "", "", "", "", warnings, told(row)];
    else {
      for (const p of result.pronunciations) {
        yield [row.word, p.text, result.source, p.probability ?? "", p.complete, warnings, ""];
      }
    }
  }
}

const HEX = 16;
const NAMES = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };
// Control characters, and what else ends a line for one reader or another
const BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

function escaped(character) {
  const code = character.charCodeAt(0).toString(HEX);
  return NAMES[character] ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
}

/** A text in one line: line breaks, tabs and other control characters as `\\n`, `\\t`, `\\x0b`. */
const inLine = (text) => text.replace(BREAKS, escaped);

/**
 * A cell that no spreadsheet takes for a formula: an apostrophe comes before one that would be.
 * It is taken off again where this pattern follows it.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
const FORMULA = /^'*\s*[=+\-@\t\r\n＝＋－＠]/u;
const harmless = (cell) => (FORMULA.test(cell) ? `'${cell}` : cell);

function delimited(rows, separator, write, end) {
  return [COLUMNS, ...lines(rows)].map((cells) => cells.map((c) => write(harmless(String(c)))).join(separator) + end).join("");
}

/** Tab-separated, escaped as the server escapes its own. */
const asTSV = (rows) => delimited(rows, "\t", (cell) => inLine(cell.replaceAll("\\", "\\\\")), "\n");

/** RFC 4180, each cell in quotes: no separator of another locale cuts it in two. */
const asCSV = (rows) => delimited(rows, ",", (cell) => `"${cell.replaceAll('"', '""')}"`, "\r\n");

/** As CMUdict has it: variants are numbered, and what has no pronunciation stands in a comment. */
function asCMUdict(rows) {
  const seen = new Set();
  return rows.map((row) => {
    const { result } = row;
    if (!result?.pronunciations.length) return `;;; ${inLine(row.word)}: ${inLine(told(row))}\n`;
    const word = inLine(result.normalized);
    if (seen.has(word)) return "";
    seen.add(word);
    return result.pronunciations.map((p, i) => `${word}${i ? `(${i})` : ""}  ${p.text}\n`).join("");
  }).join("");
}

export const FORMATS = {
  tsv: { name: "TSV", type: "text/tab-separated-values", write: asTSV },
  csv: { name: "CSV", type: "text/csv", write: asCSV },
  dict: { name: "CMUdict", type: "text/plain", write: asCMUdict, alphabets: ["arpabet", "native"] },
};

/** Give somebody a text as a file. */
export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
