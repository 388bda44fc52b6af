// The page's three views, of which one is shown: the first page, a session, and that one has gone.

import { $ } from "./dom.js";

const NAMES = ["welcome", "studio", "gone"];
let shown = null; // nothing yet: after a reload the browser scrolls
let left = 0; // how far down the first page was when it was left

/** Show a view from its top, or the first page as it was left. */
export function view(name) {
  if (shown === "welcome") left = scrollY;
  for (const id of NAMES) $(id).hidden = id !== name;
  $("new").hidden = name === "welcome";
  if (shown) scrollTo(0, name === "welcome" ? left : 0);
  shown = name;
}
