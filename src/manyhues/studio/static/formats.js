// What kind of file is wanted of a download, and how good: chosen once, beside every download.

import { $ } from "./dom.js";
import { state } from "./state.js";

const GRADED = { jpg: "JPEG", webp: "WEBP" }; // what the page offers that has a quality, as the API calls it
// In the panel and in the large view: filled here, before the page is translated.
const places = ["k-wanted", "v-wanted"].map((id) => {
  const made = $("wanted").content.cloneNode(true);
  const [kind, grade] = made.querySelectorAll("select");
  $(id).replaceWith(made);
  return { kind, grade, graded: grade.parentElement };
});
let [format, quality] = ["", ""]; // as the API takes them; empty for its defaults

/** Whether there is a quality to choose: of a format, or of the picture's own. */
const graded = (kind = format) => (kind ? kind in GRADED : [...Object.values(GRADED), "AVIF"].includes(state.session?.picture.format));

/** A link to a download, or to an archive, of the kind that is wanted. */
export function link(href, kind = format) {
  const [path, query] = href.split("?");
  const wanted = new URLSearchParams(query);
  if (kind) wanted.set("format", kind);
  if (quality && graded(kind)) wanted.set("quality", quality);
  return wanted.size ? `${path}?${wanted}` : path;
}

/** Write what is wanted into every place; another picture's own format may have no quality. */
export function show() {
  for (const place of places) {
    place.kind.value = format;
    place.grade.value = quality;
    place.graded.hidden = !graded();
  }
}

/** Connect once: `changed()` hears of another choice. */
export function start(changed) {
  for (const { kind, grade } of places) {
    kind.onchange = grade.onchange = () => {
      [format, quality] = [kind.value, grade.value];
      show();
      changed();
    };
  }
}
