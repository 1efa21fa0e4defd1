// What somebody typed or pasted, as words.

// A comma inside a number is part of it
const GAP = /\s+|(?<!\d)[,;]+|[,;]+(?!\d)/u;
// Marks around words in running text; what else there is, the server judges
const BEFORE = /^["“”„«»‹›(\[{¿¡]+/u;
const AFTER = /(?:["“”«»‹›)\]}?!:…]|\.{2,})+$/u;

/** The words of a text, in order. */
export function split(text) {
  return text.split(GAP).map(bare).filter(Boolean);
}

function bare(word) {
  const inner = word.replace(BEFORE, "").replace(AFTER, "");
  // "word." ends a sentence, "U.S." does not
  const shorter = inner && inner.indexOf(".") === inner.length - 1 ? inner.slice(0, -1) : inner;
  return shorter === word ? word : bare(shorter);
}
