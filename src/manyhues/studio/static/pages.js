// Pages of a file: each is a picture of its own, with its own colourings; one goes from one to another.

import { $ } from "./dom.js";
import { t } from "./i18n.js";
import { ask, complain } from "./api.js";
import { state } from "./state.js";

const wishes = {}; // enter, draw: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

/** What to call the picture that is shown, with its page where there are several. */
export const title = ({ name, page, pages }) => (pages > 1 ? `${name}, ${t("pageOf", { page, pages })}` : name);

/** Write which page is shown, and whether it waits to be coloured. */
export function show() {
  const { picture, groups } = state.session;
  const { page, pages } = picture;
  $("pages").hidden = pages < 2;
  Object.assign($("page"), { value: page, max: pages });
  $("page-count").textContent = t("pageCount", { pages });
  for (const [id, at] of [["page-prev", page - 1], ["page-next", page + 1]]) $(id).ariaDisabled = String(at < 1 || at > pages);
  $("blank").hidden = groups.length > 0;
  if (!groups.length) $("blank-picture").src = picture.grey;
  for (const button of [$("different"), $("different-too")]) {
    button.dataset.t = groups.length ? "different" : "pageDraw";
    button.textContent = t(button.dataset.t);
  }
}

/** Go to a page; a new one comes without colour. */
async function go(wanted) {
  const { session, picture } = state.session;
  const page = Math.min(picture.pages, Math.max(1, Math.round(wanted) || picture.page));
  $("page").value = page;
  if (page === picture.page || $("pages").ariaBusy === "true") return;
  $("pages").ariaBusy = "true";
  try {
    const found = await ask("POST", `/api/sessions/${session}/pages`, { page });
    if (state.session?.session === session) wishes.enter(found);
  } catch (error) {
    if (state.session?.session === session) $("page").value = picture.page;
    complain(error);
  } finally {
    $("pages").ariaBusy = "false";
  }
}

/** Connect once. */
export function start() {
  $("page").onchange = () => go($("page").valueAsNumber);
  $("page-prev").onclick = () => go(state.session.picture.page - 1);
  $("page-next").onclick = () => go(state.session.picture.page + 1);
  $("blank-draw").onclick = () => wishes.draw();
}
