// A picture whose colours the next drawings take: chosen, shown, and let go of again.

import { $, toast } from "./dom.js";
import { t } from "./i18n.js";
import { ask, complain, reach } from "./api.js";
import { state } from "./state.js";

let chosen = null; // {session, id}
let asked = 0; // changes with every choice and session, so that a late answer is known as one

/** What a request for a drawing says of it. */
export const wish = () => (chosen && chosen.session === state.session?.session ? { like: chosen.id } : {});

export function drop() {
  asked += 1;
  chosen = null;
  $("palette-now").hidden = true;
  $("palette-choose").hidden = false;
}

async function take(file) {
  const { session } = state.session;
  const mine = (asked += 1);
  const form = new FormData();
  form.append("image", file, file.name);
  const answer = await reach(`/api/sessions/${session}/palettes`, { method: "POST", body: form });
  const told = await answer.json();
  if (mine !== asked) return null;
  if (!answer.ok) return toast(t(told.code === "usage" ? "paletteGrey" : "badPicture", { name: file.name }), true);
  chosen = { session, id: told.id };
  $("palette-name").textContent = told.name;
  $("palette-picture").onerror = () => $("palette-picture").removeAttribute("src");
  $("palette-picture").src = URL.createObjectURL(file);
  $("palette-now").hidden = false;
  $("palette-choose").hidden = true;
  return $("palette-drop").focus();
}

/** Connect once. */
export function start() {
  $("palette-choose").onclick = () => $("palette-file").click();
  $("palette-drop").onclick = () => {
    drop();
    $("palette-choose").focus();
  };
  $("palette-file").onchange = () => {
    const [file] = $("palette-file").files;
    if (file) take(file).catch(complain);
    $("palette-file").value = "";
  };
}
