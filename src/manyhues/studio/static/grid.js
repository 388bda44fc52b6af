// The colourings: groups of tiles that fill one by one; hearts, neighbours, and blends.

import { $, el, icon, toast } from "./dom.js";
import { t } from "./i18n.js";
import { bases, shown, state } from "./state.js";
import { dragging } from "./drag.js";

const wishes = {}; // open, like, blend, heart, stop: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

let picking = null; // the base that waits for a second one to blend with
const progress = new Map(); // group id to what its line says

function title(group) {
  const [a, b] = group.of.map((id) => state.results.get(id)?.number);
  if (group.kind === "vary") return t("groupVary", { a });
  if (group.kind === "blend") return t("groupBlend", { a, b });
  if (group.hinted || group.results.some((id) => id && state.results.get(id).hints.length)) return t("groupHints");
  return t(state.session.groups.find((one) => one.kind === "sample") === group ? "groupSample" : "groupMore");
}

function line(group) {
  const now = progress.get(group.id);
  if (!now) return group.results.filter(Boolean).length < group.total ? t("stopped") : "";
  const keys = { candidate: "trying", result: "drawing", reading: "reading", waiting: "waiting" };
  return t(keys[now.type], now);
}

/** Draw everything anew from the state; images keep their place in the browser's cache. */
export function draw() {
  const only = filter() === "favourites";
  $("groups").replaceChildren(...state.session.groups.filter((group) => group.kind !== "steer").map((group) => section(group, only)));
  count();
}

export const filter = () => document.querySelector("[name=filter]:checked").value;

/** The numbers, links and emptiness that follow from the state. */
export function count() {
  const only = filter() === "favourites";
  const listed = bases(only);
  const all = bases().length;
  $("tally").textContent = all === 1 ? t("tallyOne") : t("tally", { count: all });
  $("none").hidden = !only || listed.length > 0;
  const chosen = listed.map((base) => shown(base).id).join(",");
  for (const [id, path] of [["sheet", state.session.sheet], ["zip", state.session.zip]]) {
    $(id).href = `${path}?results=${chosen}`;
    $(id).toggleAttribute("inert", !chosen);
    $(id).classList.toggle("off", !chosen);
  }
  $("zip").lastElementChild.textContent = t(only ? "zipFavourites" : "zip");
}

function section(group, only) {
  const heading = `g-${group.id}`;
  const slots = Array.from({ length: group.total }, (_, slot) => group.results[slot] ?? null);
  const running = progress.has(group.id);
  const listed = slots.filter((id) => (id ? !only || state.results.get(id).favourite : running && !only));
  const bar = el("progress", { max: 1, value: 0, hidden: !running, "aria-labelledby": heading });
  const stop = el("button", { type: "button", className: "quiet", hidden: !running, onclick: () => wishes.stop(group) }, icon("stop"), t("stop"));
  const node = el(
    "section",
    { className: "group", id: `group-${group.id}`, "aria-labelledby": heading, hidden: only && !listed.length },
    el("div", { className: "group-head" }, el("h2", { id: heading, textContent: title(group) }), el("span", { className: "hint", textContent: line(group) }), stop),
    bar,
    el("ul", { className: "tiles" }, ...listed.map((id, slot) => (id ? tile(id) : empty(slot)))),
  );
  return node;
}

function frame(node) {
  const { width, height } = state.session.picture;
  node.style.aspectRatio = String(Math.min(2.2, Math.max(0.6, width / height)));
  return node;
}

const ground = () => el("img", { className: "ground", src: state.session.picture.grey, alt: "" });

function empty(slot) {
  const face = frame(el("div", { className: "open" }, ground()));
  return el("li", { className: "tile waiting", data: { slot } }, face, el("div", { className: "tile-bar" }, el("em", { textContent: "…" })));
}

function tile(base, fresh = false) {
  const own = state.results.get(base);
  const result = shown(base);
  const { number } = own;
  const image = el("img", { className: fresh ? "colour" : "", src: result.preview, alt: "", draggable: false });
  const open = frame(el("button", { type: "button", className: "open", "aria-label": t("open", { number }) }, ...(fresh ? [ground()] : []), image));
  open.onclick = () => (picking ? join(base) : wishes.open(base));
  const small = (name, key, act, more = {}) =>
    el("button", { type: "button", className: `icon ${more.className ?? ""}`, "aria-label": t(key, { number }), title: t(key, { number }), onclick: act, ...more.attributes }, icon(name));
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
      el("a", { className: "icon wide", href: result.download, download: "", "aria-label": t("downloadOf", { number }), title: t("downloadOf", { number }) }, icon("down")),
      small("heart", "heartOf", () => wishes.heart(base), { className: "heart", attributes: { "aria-pressed": String(own.favourite) } }),
    ),
  );
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { f: () => wishes.heart(base), l: () => wishes.like(base, 0.3), b: () => pick(base) }[event.key];
    if (act) act();
  });
  dragging(open, image, (target) => wishes.blend(base, target));
  return node;
}

/** A tile again, after its picture was steered or its heart changed. */
export function refresh(base) {
  const old = document.querySelector(`.tile[data-base="${base}"]`);
  if (old) {
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("button, a")].indexOf(document.activeElement) : -1;
    const node = tile(base);
    old.replaceWith(node);
    if (focused >= 0) node.querySelectorAll("button, a")[focused].focus();
  }
  count();
}

/** Ask for the second picture of a blend. */
export function pick(base) {
  picking = base;
  document.body.classList.toggle("picking", Boolean(base));
  $("blend-banner").hidden = !base;
  if (base) $("blend-banner").firstElementChild.textContent = t("blendPick", { number: state.results.get(base).number });
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
  $("groups").append(section(group, false));
  count();
  if (announce) $(`group-${group.id}`).scrollIntoView({ behavior: "smooth", block: "start" });
}

/** One event of a group's job. */
export function hear(group, event) {
  const node = $(`group-${group.id}`);
  if (event.type === "result") {
    state.results.set(event.result.id, event.result);
    group.results[event.slot] = event.result.id;
    const place = node?.querySelector(`[data-slot="${event.slot}"]`);
    place?.replaceWith(tile(event.result.id, true));
  } else if (event.type === "candidate" && event.image) {
    const face = node?.querySelector(`[data-slot="${event.slot}"] .open`);
    face?.append(el("img", { className: "rough", src: event.image, alt: "" }));
  }
  const over = ["done", "failed", "stopped"].includes(event.type);
  if (over) progress.delete(group.id);
  else progress.set(group.id, event);
  if (event.type === "failed") toast(t("failed", { detail: event.message }), true);
  if (!node) return;
  const bar = node.querySelector("progress");
  node.querySelector(".hint").textContent = line(group);
  // Of a job with candidates these are the longer part.
  if (event.type === "candidate") bar.value = (0.7 * event.done) / event.total;
  if (event.type === "result") bar.value = Math.max(bar.value, event.done / event.total);
  if (over) {
    for (const rest of node.querySelectorAll(".waiting, progress, .group-head button")) rest.remove();
    if (event.type === "done") node.querySelector(".hint").textContent = "";
  }
  count();
}
