// The colourings: groups of tiles that fill one by one; hearts, neighbours, and blends.

import { $, el, icon, swap, toast } from "./dom.js";
import { isKnown, t } from "./i18n.js";
import { bases, fits, isNew, shown, state } from "./state.js";
import { dragging } from "./drag.js";
import * as formats from "./formats.js";
import * as pages from "./pages.js";

const wishes = {}; // open, like, blend, heart, hide, stop: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

let picking = null; // the base that waits for a second one to blend with
const progress = new Map(); // group id to what its line says

/** What stands over a group: the text `group_KIND` of its action, of drawings one of three. */
function title(group) {
  if (group.kind !== "sample") {
    const [a, b] = group.of.map((id) => state.results.get(id)?.number);
    const key = `group_${group.kind}`;
    return isKnown(key) ? t(key, { a, b }) : group.kind;
  }
  if (group.hinted || group.results.some((id) => id && state.results.get(id).hints.length)) return t("group_sample_hints");
  return t(state.session.groups.find((one) => one.kind === "sample") === group ? "group_sample" : "group_sample_more");
}

function line(group) {
  const now = progress.get(group.id);
  if (!now) return group.results.filter(Boolean).length < group.total ? t("stopped") : "";
  if (now.offline) return t("reconnecting");
  const keys = { candidate: "trying", result: "drawing", reading: "reading", waiting: "waiting" };
  return t(keys[now.type], now);
}

/** How much of a group's work is done, 0 to 1; of a job with candidates these are the longer part. */
const part = ({ type, done, total }, before = 0) => Math.max(before, { candidate: (0.7 * done) / total, result: done / total }[type] ?? 0);

/** Say something to those who listen instead of looking. */
export const say = (text) => ($("said").textContent = text);

/** Draw everything anew from the state; images keep their place in the browser's cache. */
export function draw() {
  const focus = focused();
  $("groups").replaceChildren(...state.session.groups.filter(isNew).map(section));
  count();
  focus?.();
}

/** Gives back the focus that drawing a tile anew takes away: to it, or to the one now in its place. */
function focused() {
  const tiles = () => [...document.querySelectorAll(".tile[data-base]")];
  const old = document.activeElement.closest(".tile[data-base]");
  if (!old) return null;
  const place = tiles().indexOf(old);
  const control = [...old.querySelectorAll("button, a")].indexOf(document.activeElement);
  return () => {
    const tile = tiles().find((one) => one.dataset.base === old.dataset.base) ?? tiles()[Math.min(place, tiles().length - 1)];
    (tile?.querySelectorAll("button, a")[control] ?? document.querySelector("[name=filter]:checked")).focus();
  };
}

export const filter = () => document.querySelector("[name=filter]:checked").value;

/** Draw with the filter at "all". */
export function showAll() {
  document.querySelector("[name=filter][value=all]").checked = true;
  draw();
}

/** Forget the work that goes on; returns the ids of its groups. */
export function leave() {
  const ids = [...progress.keys()].filter((id) => !isFresh(id));
  progress.clear();
  return ids;
}

/** The numbers, links and emptiness that follow from the state. */
export function count() {
  const which = filter();
  formats.show();
  pages.show();
  const hidden = bases("hidden").length;
  $("filter-hidden").hidden = !hidden;
  if (which === "hidden" && !hidden) return showAll();
  const listed = bases(which);
  const all = bases().length;
  if (which === "favourites") $("tally").textContent = t("tallyOf", { count: listed.length, all });
  else $("tally").textContent = listed.length === 1 ? t("tallyOne") : t("tally", { count: listed.length });
  $("none").hidden = which !== "favourites" || listed.length > 0;
  const chosen = listed.map((base) => shown(base).id).join(",");
  for (const [id, path] of [["sheet", state.session.sheet], ["zip", state.session.zip]]) {
    const href = `${path}?results=${chosen}`;
    $(id).href = id === "zip" ? formats.link(href) : href;
    $(id).toggleAttribute("inert", !chosen);
    $(id).classList.toggle("off", !chosen);
  }
  const words = $("zip").lastElementChild;
  words.dataset.t = which === "favourites" ? "zipFavourites" : "zip";
  if ($("zip").ariaBusy !== "true") words.textContent = t(words.dataset.t);
}

/** The results of a group, null where there is none yet. */
export const slots = (group) => Array.from({ length: group.total }, (_, slot) => group.results[slot] ?? null);

const isFresh = (id) => id.startsWith("new-"); // the studio has not answered yet

function section(group) {
  const which = filter();
  const heading = `g-${group.id}`;
  const now = progress.get(group.id);
  const running = Boolean(now);
  const places = slots(group).map((id, slot) => ({ id, slot }));
  const listed = places.filter(({ id }) => (id ? fits(id, which) : running && which === "all"));
  const bar = el("progress", { max: 1, value: now?.part ?? 0, hidden: !running, "aria-labelledby": heading });
  const stop = el("button", { type: "button", className: "quiet", hidden: !running || isFresh(group.id), onclick: () => wishes.stop(group) }, icon("stop"), t("stop"));
  const list = el("ul", { className: "tiles" }, ...listed.map(({ id, slot }) => (id ? tile(id) : empty(slot))));
  list.style.setProperty("--wide", Math.min(2.4, Math.max(1, ratio() / 1.8)));
  return el(
    "section",
    { className: "group", id: `group-${group.id}`, "aria-labelledby": heading, hidden: !listed.length && (which !== "all" || places.some(({ id }) => id)) },
    el("div", { className: "group-head" }, el("h2", { id: heading, textContent: title(group) }), el("span", { className: "hint", textContent: line(group) }), stop),
    bar,
    list,
  );
}

const ratio = () => state.session.picture.width / state.session.picture.height;

function frame(node) {
  node.style.aspectRatio = String(Math.min(12, Math.max(0.6, ratio())));
  return node;
}

function ground() {
  const image = el("img", { className: "ground", alt: "" });
  swap(image, state.session.picture.grey, state.session.local);
  return image;
}

function empty(slot) {
  const face = frame(el("div", { className: "open" }, ground()));
  return el("li", { className: "tile waiting", data: { slot } }, face, el("div", { className: "tile-bar" }, el("em", { textContent: "…" })));
}

/** A tile; of a fresh result the draft, or the grey, stays until its picture is decoded. */
function tile(base, fresh = false, draft = null) {
  const own = state.results.get(base);
  const result = shown(base);
  const { number } = own;
  const image = el("img", { className: fresh ? "coming" : "", src: result.preview, alt: "", draggable: false });
  const under = fresh ? [ground(), ...(draft ? [draft] : [])] : [];
  const open = frame(el("button", { type: "button", className: "open", "aria-label": t("open", { number }) }, ...under, image));
  if (fresh) {
    const come = () => {
      image.className = "colour";
      setTimeout(() => under.forEach((node) => node.remove()), 800); // when it has come out
    };
    image.decode().then(come, come);
  }
  open.onclick = () => (picking ? join(base) : wishes.open(base));
  const word = (name) => el("small", { className: "word", textContent: t(`word_${name}`) }); // seen on touch screens
  const small = (name, key, act, more = {}) =>
    el("button", { type: "button", className: `icon a-${name} ${more.className ?? ""}`, "aria-label": t(key, { number }), title: t(key, { number }), onclick: act, ...more.attributes }, icon(name), word(name));
  const node = el(
    "li",
    { className: "tile", data: { base } },
    open,
    el(
      "div",
      { className: "tile-bar" },
      el("strong", { textContent: t("numbered", { number }) }),
      el("em", { textContent: result === own ? "" : t("steered") }),
      el("span", { className: "spacer" }),
      small("like", "likeOf", () => wishes.like(base, 0.3)),
      small("blend", "blendOf", () => pick(base), { className: "wide" }),
      el("a", { className: "icon wide", href: formats.link(result.download), download: "", "aria-label": t("downloadOf", { number }), title: t("downloadOf", { number }) }, icon("down"), word("down")),
      small(own.hidden ? "eye" : "hide", own.hidden ? "unhideOf" : "hideOf", () => wishes.hide(base), { className: own.hidden ? "" : "wide" }),
      small("heart", "heartOf", () => wishes.heart(base), { className: "heart", attributes: { "aria-pressed": String(own.favourite) } }),
    ),
  );
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { f: () => wishes.heart(base), h: () => wishes.hide(base), l: () => wishes.like(base, 0.3), b: () => pick(base) }[event.key];
    if (act) act();
  });
  dragging(open, image, (target) => wishes.blend(base, target));
  return node;
}

/** A tile again, after its picture was steered or its heart changed. */
export function refresh(base) {
  const focus = focused();
  document.querySelector(`.tile[data-base="${base}"]`)?.replaceWith(tile(base));
  count();
  focus?.();
}

/** Ask for the second picture of a blend. */
export function pick(base) {
  picking = base;
  document.body.classList.toggle("picking", Boolean(base));
  $("blend-banner").hidden = !base;
  if (!base) return;
  const text = t("blendPick", { number: state.results.get(base).number });
  $("blend-banner").firstElementChild.textContent = text;
  say(text);
}

export const isPicking = () => Boolean(picking);

function join(base) {
  const first = picking;
  pick(null);
  if (first === base) return;
  if (state.results.get(first).method !== state.results.get(base).method) toast(t("blendSame"), true);
  else wishes.blend(first, base);
}

/** Show a new group at the end, its tiles still empty. */
export function begin(group, announce = true) {
  progress.set(group.id, { type: state.session.groups.length > 1 ? "waiting" : "reading" });
  if (announce && filter() !== "all") showAll();
  else $("groups").append(section(group));
  count();
  say(`${title(group)}. ${line(group)}`);
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (announce && state.session.groups.length > 1) $(`group-${group.id}`).scrollIntoView({ behavior, block: "start" });
}

/** The studio has answered: a group gets its real id. */
export function rename(group, id) {
  progress.set(id, progress.get(group.id));
  progress.delete(group.id);
  const node = $(`group-${group.id}`);
  group.id = id;
  node?.replaceWith(section(group));
}

/** The studio has refused: a group goes again. */
export function drop(group) {
  progress.delete(group.id);
  $(`group-${group.id}`)?.remove();
  count();
}

/** One event of a group's job. */
export function hear(group, event) {
  const node = $(`group-${group.id}`);
  if (event.type === "result") {
    state.results.set(event.result.id, event.result);
    group.results[event.slot] = event.result.id;
    const place = node?.querySelector(`[data-slot="${event.slot}"]`);
    place?.replaceWith(tile(event.result.id, true, place.querySelector(".rough")));
  } else if (event.type === "candidate" && event.image) {
    const face = node?.querySelector(`[data-slot="${event.slot}"] .open`);
    face?.append(el("img", { className: "rough", src: event.image, alt: "" }));
  }
  const over = ["done", "failed", "stopped"].includes(event.type);
  const before = progress.get(group.id);
  if (over) progress.delete(group.id);
  else if (["offline", "online"].includes(event.type)) progress.set(group.id, { ...before, offline: event.type === "offline" });
  else progress.set(group.id, { ...event, part: part(event, before?.part) });
  if (event.type === "failed") toast(t("failed", { detail: event.message }), true);
  // Each candidate would be too much to listen to.
  if (event.type !== "done" && (event.type !== "candidate" || event.done === 1)) say(line(group));
  if (!node) return;
  node.querySelector(".hint").textContent = line(group);
  if (over) {
    for (const rest of node.querySelectorAll(".waiting, progress, .group-head button")) rest.remove();
    if (event.type === "done") node.querySelector(".hint").textContent = "";
  } else node.querySelector("progress").value = progress.get(group.id).part ?? 0;
  count();
}
