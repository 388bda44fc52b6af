// The pictures that the studio has: a list on the first page, and those on their way into it.

import { $, el } from "./dom.js";
import { t } from "./i18n.js";
import { ask } from "./api.js";
import { title } from "./pages.js";

const KEY = "manyhues.recent";
const MOST = 60;

/** Ids of the sessions that this browser has seen, the last first. */
function recent() {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
  return Array.isArray(kept) ? kept : [];
}

const keep = (ids) => localStorage.setItem(KEY, JSON.stringify(ids.slice(0, MOST)));

export const remember = (sid) => keep([sid, ...recent().filter((id) => id !== sid)]);
export const forget = (sid) => keep(recent().filter((id) => id !== sid));

let shown = []; // sessions as the API lists them
let asked = 0; // how often; answers may come in another order, and the last one asked for counts

/** Ask for the list and show it; the last picture of this browser has a link of its own. */
export async function refresh() {
  const ids = recent();
  const mine = (asked += 1);
  const [all, own] = await Promise.all([ask("GET", "/api/sessions"), ids.length ? ask("GET", `/api/sessions?ids=${ids.join(",")}`) : { sessions: [] }]).catch(() => [null, null]);
  if (!all) return;
  const there = new Set(own.sessions.map((one) => one.session));
  keep(recent().filter((id) => there.has(id) || !ids.includes(id))); // some may have come meanwhile
  if (mine !== asked) return;
  shown = all.sessions.length ? all.sessions : own.sessions;
  const last = ids.find((id) => there.has(id));
  $("last").hidden = !last;
  if (last) $("last").href = `#${last}`;
  draw();
}

/** Write the list in the current language. */
export function draw() {
  $("album").hidden = !shown.length;
  $("album-list").replaceChildren(...shown.map(card));
  $("album-zip").hidden = !shown.some((one) => one.results);
  $("album-zip").href = `/api/zip?sessions=${shown.filter((one) => one.results).map((one) => one.session).join(",")}`;
  const liked = shown.filter((one) => one.favourites);
  $("album-liked").hidden = !liked.length;
  $("album-liked").href = `/api/zip?favourites=true&sessions=${liked.map((one) => one.session).join(",")}`;
}

function card(one) {
  const liked = one.favourites ? ` · ♥ ${one.favourites}` : "";
  const told = one.working ? t("working") : one.leaving ? t("leaving") : one.results === 1 ? t("tallyOne") : t("tally", { count: one.results }) + liked;
  return el(
    "li",
    { className: one.working ? "working" : "" },
    el("a", { href: `#${one.session}`, "aria-label": `${title(one)}, ${told}` },
      el("img", { src: one.shown, alt: "", loading: "lazy" }),
      el("strong", { textContent: one.name, title: title(one) }),
      el("span", { className: one.leaving ? "hint warn" : "hint", textContent: one.pages > 1 ? `${t("pageAt", one)} · ${told}` : told })),
  );
}
