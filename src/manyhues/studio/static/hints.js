// Hints on the large view: dots on the picture, their list, and their colours.

import { $, el, icon, toast } from "./dom.js";
import { current as current_, t } from "./i18n.js";
import * as zoom from "./zoom.js";

const SWATCHES = {
  skin: "#d9a07c", brown: "#8a5a3c", sky: "#5fa8dc", navy: "#2f5d94", leaf: "#5f9e4f", pine: "#2f6b3a",
  red: "#b03030", orange: "#e0812e", yellow: "#e3c04a", violet: "#7d4fa0", sand: "#d8c7a5", neutral: "#8a8a8a",
};
const MOST = 24; // hints, as the API takes them
const PAUSE = 350; // ms in which more may come: further keys, or the second half of a double click

let list = []; // {x, y, colour}, whole pixels of the picture
let picture = null;
let of = null; // the base that they belong to
let selected = -1; // the dot that the palette is for; -1: the next one
let colour = "#b03030"; // what the palette shows, and so the colour of the next dot
let fresh = false; // the last of the list was placed by the latest click
let held = false; // a dot is being dragged
let tell = () => {};
const warned = new Set(); // hints that hardly show, of which that was said
let warning = null; // the message that said it last

/** Whether a click on the picture places a dot; else the picture is only looked at. */
const editing = () => $("mode-colour").checked;

function edit(wanted) {
  $(wanted ? "mode-colour" : "mode-look").checked = true;
  $("surface").classList.toggle("editing", wanted);
}

export const current = () => list.map((hint) => ({ ...hint }));

/** Show the hints of a base's picture. */
export function show(hints, its, base) {
  if (held && base === of) return; // letting go tells where it lies
  if (base !== of || hints.length !== list.length) selected = -1;
  [list, picture, of] = [hints.map((hint) => ({ ...hint })), its, base];
  draw();
}

const name = (value) => Object.keys(SWATCHES).find((key) => SWATCHES[key] === value);

function describe(hint) {
  const called = name(hint.colour) ? t(name(hint.colour)) : hint.colour;
  return t("hint", { ...hint, colour: called.charAt(0).toUpperCase() + called.slice(1) });
}

/** Say, once of each, which of a result's hints hardly show. */
export function warn(result) {
  const key = ({ x, y, colour }) => `${picture.grey} ${x},${y} ${colour}`;
  narrow(result, key);
  const news = result.faint.map((index) => result.hints[index]).filter((hint) => !warned.has(key(hint)));
  if (!news.length) return;
  for (const hint of news) warned.add(key(hint));
  warning?.remove(); // of a dot on its way, the latest place counts
  warning = toast(t("faint", { hints: news.map(describe).join("; ") }), true);
}

const NARROW = 0.004; // of the picture: a hint that colours less than this is hardly seen

/** Say, once of each, which hints colour next to nothing though their place would show the colour. */
function narrow({ hints, reach, faint }, key) {
  const few = hints.map((hint, at) => ({ hint, at })).filter(({ hint, at }) => reach[at] < NARROW && !faint.includes(at) && !warned.has(key(hint)));
  if (!few.length || few.length < hints.length) return; // beside others it may be a detail
  for (const { hint } of few) warned.add(key(hint));
  const share = Math.max(...few.map(({ at }) => reach[at])).toLocaleString(current_(), { style: "percent", maximumFractionDigits: 1 });
  warning?.remove();
  warning = toast(t("narrowHint", { hints: few.map(({ hint }) => describe(hint)).join("; "), share }), true);
}

/** Fill anew, with the focus where it was. */
function fill(node, children) {
  const at = [...node.querySelectorAll("button")].indexOf(document.activeElement);
  node.replaceChildren(...children);
  if (at < 0) return;
  const all = node.querySelectorAll("button");
  (all[Math.min(at, all.length - 1)] ?? $("hint-add")).focus({ preventScroll: true });
}

function draw() {
  held = false; // its node goes
  fill($("pins"), list.map(pin));
  fill($("hint-list"), list.map(row));
  if (selected >= 0) colour = list[selected].colour;
  $("colour").value = colour;
  const palette = t(selected < 0 ? "colourNext" : "colourChosen");
  if ($("colour-for").textContent !== palette) $("colour-for").textContent = palette; // a change is announced
  for (const swatch of $("swatches").children) swatch.setAttribute("aria-pressed", swatch.dataset.colour === colour);
}

function pin(hint, index) {
  const node = el("button", {
    type: "button",
    className: "pin",
    "aria-label": t("pinHelp", { hint: describe(hint) }),
    "aria-pressed": String(index === selected),
  });
  place(node, hint);
  node.onclick = (event) => {
    event.stopPropagation();
    if (!moved) select(index);
  };
  node.onkeydown = (event) => pinKeys(event, index);
  let moved = false;
  node.onpointerdown = (event) => {
    node.setPointerCapture(event.pointerId);
    [held, moved] = [true, false];
    event.stopPropagation();
  };
  node.onpointermove = (event) => {
    if (!event.buttons) return;
    moved = true;
    Object.assign(hint, where(event));
    place(node, hint);
  };
  // Not at pointerup: of a press the click comes next, and needs the node to be there.
  node.onlostpointercapture = () => {
    held = false;
    if (moved) changed();
  };
  return node;
}

function row(hint, index) {
  const dot = el("i");
  dot.style.background = hint.colour;
  return el(
    "li",
    {},
    el("button", { type: "button", "aria-pressed": String(index === selected), onclick: () => select(index) }, dot, describe(hint)),
    el("button", { type: "button", className: "icon", title: t("removeHint"), "aria-label": `${t("removeHint")}: ${describe(hint)}`, onclick: () => remove(index) }, icon("close")),
  );
}

function place(node, hint) {
  node.style.left = `${(100 * (hint.x + 0.5)) / picture.width}%`;
  node.style.top = `${(100 * (hint.y + 0.5)) / picture.height}%`;
  node.style.background = hint.colour;
}

const clamp = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value)));

/** The picture's pixel under the pointer. */
function where(event) {
  const box = $("surface").getBoundingClientRect();
  return {
    x: clamp(((event.clientX - box.left) / box.width) * picture.width, picture.width),
    y: clamp(((event.clientY - box.top) / box.height) * picture.height, picture.height),
  };
}

function pinKeys(event, index) {
  const step = Math.max(1, Math.round((picture.width / 100 / zoom.scale()) * (event.shiftKey ? 5 : 1)));
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (by) {
    event.preventDefault();
    event.stopPropagation();
    const hint = list[index];
    hint.x = clamp(hint.x + by[0], picture.width);
    hint.y = clamp(hint.y + by[1], picture.height);
    changed(PAUSE);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    remove(index);
  }
}

/** The palette is for this dot; if it was already, for the next one again. */
function select(index) {
  selected = index === selected ? -1 : index;
  draw();
}

/** Let go of the selected dot; whether there was one. */
export function release() {
  if (selected < 0) return false;
  select(selected);
  return true;
}

function remove(index) {
  list.splice(index, 1);
  selected = -1;
  changed();
}

function add(at) {
  fresh = false;
  if (list.length >= MOST) return toast(t("hintMost", { most: MOST }), true);
  list.push({ ...at, colour });
  selected = -1;
  changed(PAUSE);
  fresh = true;
}

const APART = 0.05; // of the picture's long side: from dot to dot of a stroke

/** Draw from one point of the screen to another: dots along the way. False where one only looks. */
export function stroke(from, to) {
  if (!editing()) return false;
  for (const { x: clientX, y: clientY } of [from, to]) {
    const at = where({ clientX, clientY });
    const near = (hint) => Math.hypot(hint.x - at.x, hint.y - at.y) < APART * Math.max(picture.width, picture.height);
    if (list.length < MOST && !list.some(near)) add(at);
  }
  return true;
}

/** Take the dot back that the latest click placed. */
export function withdraw() {
  if (!fresh) return;
  list.pop();
  changed(PAUSE);
}

/** Choose a colour: of the selected dot, or of the next one. */
function choose(wanted) {
  edit(true); // who takes up a colour wants to use it
  colour = wanted;
  if (selected < 0) return draw();
  list[selected].colour = wanted;
  changed();
}

function changed(pause = 0) {
  fresh = false;
  draw();
  tell(of, current(), pause);
}

/** A place for a new dot: the middle of what is in sight, or near it where no other dot lies. */
function free() {
  const stage = $("stage").getBoundingClientRect();
  const box = $("surface").getBoundingClientRect();
  const apart = Math.min(stage.width, stage.height) / 12; // pixels of the screen
  const near = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) < (0.7 * apart * picture.width) / box.width;
  for (let k = 0; ; k += 1) {
    const [angle, far] = [2.4 * k, apart * Math.sqrt(k)]; // as seeds lie in a sunflower
    const at = where({
      clientX: stage.left + stage.width / 2 + far * Math.cos(angle),
      clientY: stage.top + stage.height / 2 + far * Math.sin(angle),
    });
    if (k === 2 * MOST || !list.some((hint) => near(hint, at))) return at;
  }
}

/** Connect once: `listener(base, hints, pause)` hears of changes; more may come in `pause` ms. */
export function start(listener) {
  tell = listener;
  $("swatches").replaceChildren(
    ...Object.entries(SWATCHES).map(([key, value]) => {
      const swatch = el("button", { type: "button", className: "swatch", "aria-label": t(key), title: t(key), "aria-pressed": "false", data: { colour: value, tLabel: key }, onclick: () => choose(value) });
      swatch.style.background = value;
      return swatch;
    }),
  );
  $("colour").addEventListener("change", () => choose($("colour").value));
  $("surface").addEventListener("click", (event) => {
    if (editing() && !event.target.closest(".pin, .divider i")) add(where(event));
  });
  $("pins").addEventListener("focusin", (event) => zoom.reveal(event.target));
  for (const mode of ["look", "colour"]) $(`mode-${mode}`).onchange = () => edit(mode === "colour");
  $("hint-add").onclick = () => {
    add(free());
    $("pins").lastElementChild?.focus();
  };
}
