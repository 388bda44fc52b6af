// Hints on the large view: marks on the picture, their list, and their colours.

import { $, el, icon, toast } from "./dom.js";
import { current as current_, t } from "./i18n.js";
import * as marks from "./marks.js";
import * as zoom from "./zoom.js";

const SWATCHES = {
  skin: "#d9a07c", brown: "#8a5a3c", sky: "#5fa8dc", navy: "#2f5d94", leaf: "#5f9e4f", pine: "#2f6b3a",
  red: "#b03030", orange: "#e0812e", yellow: "#e3c04a", violet: "#7d4fa0", sand: "#d8c7a5", neutral: "#8a8a8a",
};
const MOST = 24; // hints, as the API takes them
const PAUSE = 350; // ms in which more may come: further keys, or the second half of a double click

let list = []; // marks: a colour and its dots {x, y}, whole pixels of the picture
let picture = null;
let of = null; // the base that they belong to
let selected = -1; // the mark that the palette is for; -1: the next one
let colour = "#b03030"; // what the palette shows, and so the colour of the next mark
let fresh = false; // the last of the list was placed by the latest click
let held = false; // a mark is being dragged
let painted = null; // the mark that is being drawn
let tell = () => {};
const warned = new Set(); // hints that hardly show, of which that was said
let warning = null; // the message that said it last

/** Whether a click on the picture places a dot; else the picture is only looked at. */
const editing = () => $("mode-colour").checked;

function edit(wanted) {
  $(wanted ? "mode-colour" : "mode-look").checked = true;
  $("surface").classList.toggle("editing", wanted);
}

export const current = () => marks.flat(list);

/** Show the hints of a base's picture. */
export function show(hints, its, base) {
  if ((held || painted) && base === of) return; // letting go tells where it lies
  const wanted = marks.grouped(base, hints);
  if (base !== of || wanted.length !== list.length) selected = -1;
  [list, picture, of, painted] = [wanted, its, base, null];
  draw();
}

const name = (value) => Object.keys(SWATCHES).find((key) => SWATCHES[key] === value);

const describe = (mark) => marks.describe(mark, name(mark.colour) ? t(name(mark.colour)) : mark.colour);

/** Say, once of each, which of a result's hints hardly show. */
export function warn(result) {
  const key = ({ dots: [{ x, y }], colour }) => `${picture.grey} ${x},${y} ${colour}`;
  const all = marks.grouped(of, result.hints);
  const isFaint = ({ dots }) => dots.every(({ at }) => result.faint.includes(at));
  narrow(result, all.filter((mark) => !isFaint(mark) && !warned.has(key(mark))), key);
  const news = all.filter((mark) => isFaint(mark) && !warned.has(key(mark)));
  if (!news.length) return;
  for (const mark of news) warned.add(key(mark));
  warning?.remove(); // of a dot on its way, the latest place counts
  warning = toast(t("faint", { hints: news.map(describe).join("; ") }), true);
}

const NARROW = 0.004; // of the picture: a hint that colours less than this is hardly seen

/** Say, once of each, which marks colour next to nothing though their place would show the colour. */
function narrow({ hints, reach }, news, key) {
  const share = ({ dots }) => dots.reduce((sum, { at }) => sum + (reach[at] ?? 0), 0);
  const few = news.filter((mark) => share(mark) < NARROW);
  if (!few.length || few.length < marks.grouped(of, hints).length) return; // beside others it may be a detail
  for (const mark of few) warned.add(key(mark));
  const above = (Math.floor(Math.max(...few.map(share)) * 1000) + 1) / 1000; // "only 0%" says nothing
  const most = above.toLocaleString(current_(), { style: "percent", maximumFractionDigits: 1 });
  warning?.remove();
  warning = toast(t("narrowHint", { hints: few.map(describe).join("; "), share: most }), true);
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
  fill($("pins"), [marks.lines(list, picture), ...list.map(pin)]);
  fill($("hint-list"), list.map(row));
  if (selected >= 0) colour = list[selected].colour;
  $("colour").value = colour;
  const palette = t(selected < 0 ? "colourNext" : "colourChosen");
  if ($("colour-for").textContent !== palette) $("colour-for").textContent = palette; // a change is announced
  for (const swatch of $("swatches").children) swatch.setAttribute("aria-pressed", swatch.dataset.colour === colour);
}

function pin(mark, index) {
  const node = el("button", {
    type: "button",
    className: "pin",
    "aria-label": t("pinHelp", { hint: describe(mark) }),
    "aria-pressed": String(index === selected),
  });
  place(node, mark);
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
    const [at, from] = [where(event), marks.handle(mark)];
    marks.shift(mark, { x: at.x - from.x, y: at.y - from.y }, picture);
    place(node, mark);
    $("pins").firstElementChild.replaceWith(marks.lines(list, picture));
  };
  // Not at pointerup: of a press the click comes next, and needs the node to be there.
  node.onlostpointercapture = () => {
    held = false;
    if (moved) changed();
  };
  return node;
}

function row(mark, index) {
  const dot = el("i");
  dot.style.background = mark.colour;
  return el(
    "li",
    {},
    el("button", { type: "button", "aria-pressed": String(index === selected), onclick: () => select(index) }, dot, describe(mark)),
    el("button", { type: "button", className: "icon", title: t("removeHint"), "aria-label": `${t("removeHint")}: ${describe(mark)}`, onclick: () => remove(index) }, icon("close")),
  );
}

function place(node, mark) {
  const { x, y } = marks.handle(mark);
  node.style.left = `${(100 * (x + 0.5)) / picture.width}%`;
  node.style.top = `${(100 * (y + 0.5)) / picture.height}%`;
  node.style.background = mark.colour;
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
    marks.shift(list[index], { x: by[0], y: by[1] }, picture);
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

const dots = () => list.flatMap((mark) => mark.dots);

function add(at) {
  fresh = false;
  if (dots().length >= MOST) return full();
  list.push({ colour, stroke: 0, dots: [at] });
  selected = -1;
  changed(PAUSE);
  fresh = true;
}

const full = () => toast(t("hintMost", { most: MOST }), true);

const APART = 0.05; // of the picture's long side: from dot to dot of a stroke

/** Draw from one point of the screen to another: dots of one mark. False where one only looks. */
export function stroke(from, to) {
  if (!editing()) return false;
  if (!painted) list.push((painted = marks.begun(colour)));
  for (const { x: clientX, y: clientY } of [from, to]) {
    const at = where({ clientX, clientY });
    const near = (dot) => Math.hypot(dot.x - at.x, dot.y - at.y) < APART * Math.max(picture.width, picture.height);
    if (dots().some(near)) continue;
    if (dots().length < MOST) painted.dots.push(at);
    else painted.cut = true;
  }
  if (painted.dots.length) draw();
  return true;
}

/** The stroke has ended: it counts as one. */
export function lift() {
  if (!painted) return;
  const { dots: placed, cut } = painted;
  painted = null;
  selected = -1;
  if (cut) full();
  if (placed.length) return changed(0, true);
  list.pop();
  draw();
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

/** Tell what is wanted now; `whole`: it is a step of its own, which no other takes the place of. */
function changed(pause = 0, whole = false) {
  fresh = false;
  draw();
  marks.remember(of, list);
  tell(of, current(), pause, whole);
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
    if (k === 2 * MOST || !dots().some((dot) => near(dot, at))) return at;
  }
}

/** Connect once: `listener(base, hints, pause, whole)` hears of changes; more may come in `pause` ms. */
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
