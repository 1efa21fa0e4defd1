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

function delimited(rows, separator, write, end) {
  return [COLUMNS, ...lines(rows)].map((cells) => cells.map((c) => write(String(c))).join(separator) + end).join("");
}

// A tab or a line's end inside a cell has no way to be written
const asTSV = (rows) => delimited(rows, "\t", (cell) => cell.replace(/[\t\r\n]+/g, " "), "\n");

/** RFC 4180. */
const asCSV = (rows) => delimited(rows, ",", (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell), "\r\n");

/** As CMUdict has it: variants are numbered, and what has no pronunciation stands in a comment. */
function asCMUdict(rows) {
  const seen = new Set();
  return rows.map((row) => {
    const { result } = row;
    if (!result?.pronunciations.length) return `;;; ${row.word}: ${told(row)}\n`;
    const word = result.normalized;
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
