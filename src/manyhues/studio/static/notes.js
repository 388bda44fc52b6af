// What the studio says of a picture, in the page's language.

import { $, el } from "./dom.js";
import { current } from "./i18n.js";

export const show = ({ notes, notes_vi }) =>
  $("notes").replaceChildren(...(current() === "vi" ? notes_vi : notes).map((note) => el("li", { textContent: note })));
