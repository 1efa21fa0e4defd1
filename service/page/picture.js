// Letters against sounds: which letters the network looked at when it wrote each phoneme.

import { el, percent, svg } from "./dom.js";

// Long words have small cells
const cellOf = (letters) => (letters.length > 16 ? 26 : 34);
// No smaller than that on narrow screens; beyond, one scrolls
const SMALLEST = 0.7;
const LEFT = 52;
const TOP = 30;

/** Letters of a phoneme of an alignment. */
export const lettersOf = (alignment, { start, end }) => alignment.letters.slice(start, end).join("");

/** The least certain phoneme's place, or -1 where none is in doubt. */
export function leastCertain(alignment) {
  if (!alignment) return -1;
  const all = alignment.phonemes.map((phoneme) => phoneme.probability);
  const lowest = Math.min(...all);
  return lowest < 0.99 ? all.indexOf(lowest) : -1;
}

/**
 * The attention as a picture, and the same in words.
 * @param {string} word
 * @param {{letters: string[], phonemes: Object[], attention: number[][]}} alignment
 */
export function picture(word, alignment) {
  const { letters, phonemes, attention } = alignment;
  const cell = cellOf(letters);
  const width = LEFT + cell * letters.length + 2;
  const height = TOP + cell * phonemes.length + 2;
  const told = phonemes.map((p) => `${p.phoneme} from ${lettersOf(alignment, p) || "no letter"}`).join(", ");
  const doubt = leastCertain(alignment);
  const drawing = svg("svg.attention", {
    viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Letters of ${word} against its sounds: ${told}.`,
  });
  drawing.style.maxWidth = `${width}px`;
  drawing.style.minWidth = `${SMALLEST * width}px`;
  letters.forEach((letter, column) =>
    drawing.append(text(LEFT + cell * (column + 0.5), TOP - 10, letter, "middle")));
  phonemes.forEach((phoneme, row) => {
    const y = TOP + cell * row;
    drawing.append(text(LEFT - 12, y + cell / 2 + 5, phoneme.phoneme, "end", row === doubt ? "doubtful" : ""));
    attention[row].forEach((weight, column) => drawing.append(
      svg("rect.cell", {
        x: LEFT + cell * column + 1.5, y: y + 1.5, width: cell - 3, height: cell - 3, rx: 5,
        // Equal steps of weight look equal on a square-root scale
        "fill-opacity": Math.max(0.05, Math.sqrt(weight)).toFixed(3),
      }, svg("title", {}, `${phoneme.phoneme} looks at ${letters[column]}: ${percent(weight)}`))));
    if (phoneme.end > phoneme.start) {
      drawing.append(svg("rect.span", {
        x: LEFT + cell * phoneme.start + 1, y: y + 1, rx: 6,
        width: cell * (phoneme.end - phoneme.start) - 2, height: cell - 2,
      }));
    }
  });
  return el("figure.picture", {},
    el("div.scroll", { tabindex: "0", role: "group", "aria-label": `Picture of ${word}` }, drawing),
    el("figcaption", {}, "The stronger the colour, the more the network looked at a letter; framed are the letters that made a sound."),
    el("details.as-text", {}, el("summary", {}, "The same as a table"), table(alignment, doubt)));
}

function table(alignment, doubt) {
  const rows = alignment.phonemes.map((p, i) => el("tr", {},
    el("th", { scope: "row" }, p.phoneme),
    el("td", {}, lettersOf(alignment, p) || "–"),
    el("td.number", {}, percent(p.probability) + (i === doubt ? ", least certain" : ""))));
  return el("table.small-table", {},
    el("thead", {}, el("tr", {}, ...["Sound", "Letters", "Certainty"].map((t) => el("th", { scope: "col" }, t)))),
    el("tbody", {}, rows));
}

function text(x, y, content, anchor, kind = "") {
  return svg("text", { x, y, "text-anchor": anchor, class: kind || null }, content);
}
