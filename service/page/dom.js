// Elements, made without markup: text can only ever become text.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export const at = (id) => document.getElementById(id);

/**
 * A new element.
 * @param {string} name its tag, with classes: "p.hint"
 * @param {Object} given attributes; those that start with "on" are listeners, false and null are left out
 * @param {...(Node|string|null)} children
 */
export function el(name, given = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return finish(document.createElement(tag), classes, given, children);
}

/** The same for SVG. */
export function svg(name, given = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  return finish(document.createElementNS(SVG, tag), classes, given, children);
}

function finish(element, classes, given, children) {
  element.classList.add(...classes);
  for (const [name, value] of Object.entries(given)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

let later;
/** Tell screen readers, once things have come to rest. */
export function say(text, milliseconds = 0) {
  clearTimeout(later);
  later = setTimeout(() => { at("status").textContent = text; }, milliseconds);
}

/** A probability as people read it. */
export function percent(probability) {
  if (probability > 0 && probability < 0.01) return "< 1 %";
  if (probability < 1 && probability > 0.99) return "> 99 %";
  return `${Math.round(100 * probability)} %`;
}
