// Writes the offsets of what is selected in the note into the form below it, in characters (code points) as notes are
// marked in. Nothing else happens here, and nothing is sent.
"use strict";

const sheet = document.querySelector(".sheet");
const form = document.querySelector("form.span");

const characters = (text) => Array.from(text).length;

/** From and to of a range of the page in the note, or nothing. */
function span(range) {
  let found = null;
  for (const part of sheet.querySelectorAll("[data-at]")) {
    const text = part.firstChild;
    if (range.comparePoint(text, text.length) < 0) continue;
    if (range.comparePoint(text, 0) > 0) break;
    const from = range.startContainer === text ? range.startOffset : 0;
    const to = range.endContainer === text ? range.endOffset : text.length;
    if (from >= to) continue;
    const at = Number(part.dataset.at);
    // What is drawn otherwise than it stands in the note is selected whole.
    const whole = Number(part.dataset.characters);
    const start = whole ? at : at + characters(text.data.slice(0, from));
    const end = at + (whole || characters(text.data.slice(0, to)));
    found = { start: found ? found.start : start, end };
  }
  return found;
}

if (sheet && form) {
  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    if (selection.rangeCount === 0 || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    if (!sheet.contains(range.commonAncestorContainer)) return;
    const found = span(range);
    if (!found) return;
    form.elements.start.value = found.start;
    form.elements.end.value = found.end;
  });
}
