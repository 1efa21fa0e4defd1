// What can be copied of an answer, and the way to the clipboard.

const XML = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeXML = (text) => text.replace(/[&<>"]/g, (character) => XML[character]);
const quoteShell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export const asJSON = (result) => JSON.stringify(result, null, 2);

/** Speech Synthesis Markup Language 1.1, 3.1.10. */
export const asSSML = (word, ipa) =>
  `<phoneme alphabet="ipa" ph="${escapeXML(ipa)}">${escapeXML(word)}</phoneme>`;

/** The command that asks the same; a key stands in it by name only. */
export function asCurl(url, body, keyed) {
  const lines = [`curl -s ${quoteShell(url)}`, "-H 'Content-Type: application/json'"];
  if (keyed) lines.push('-H "Authorization: Bearer $TANGER_API_KEY"');
  lines.push(`-d ${quoteShell(JSON.stringify(body))}`);
  return lines.join(" \\\n  ");
}

/**
 * Put a text that may still have to come on the clipboard.
 * @param {Promise<string>} coming
 * @returns {Promise<boolean>} whether it is there
 */
export async function toClipboard(coming) {
  try {
    // Begun before the text is here: some browsers allow it in the moment of the click only
    const blob = coming.then((text) => new Blob([text], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    return true;
  } catch {
    // No such thing on a page from another machine without TLS
    return byCommand(await coming);
  }
}

function byCommand(text) {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}
