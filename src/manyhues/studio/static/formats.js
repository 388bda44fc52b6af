// What kind of file is wanted of a download, and how good: chosen once, beside every download.

import { $ } from "./dom.js";
import { state } from "./state.js";

const GRADED = { jpg: "JPEG", webp: "WEBP" }; // what the page offers that has a quality, as the API calls it
const places = ["v", "k"]; // in the large view, and in the panel
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
  for (const at of places) {
    $(`${at}-format`).value = format;
    $(`${at}-quality`).value = quality;
    $(`${at}-graded`).hidden = !graded();
  }
}

/** Connect once: `changed()` hears of another choice. */
export function start(changed) {
  for (const at of places) {
    $(`${at}-format`).onchange = $(`${at}-quality`).onchange = () => {
      [format, quality] = [$(`${at}-format`).value, $(`${at}-quality`).value];
      show();
      changed();
    };
  }
}
