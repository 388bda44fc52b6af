// Hints on the large view: dots on the picture, their list, and their colours.

import { $, el, icon } from "./dom.js";
import { t } from "./i18n.js";

const SWATCHES = {
  skin: "#d9a07c", brown: "#8a5a3c", sky: "#5fa8dc", navy: "#2f5d94", leaf: "#5f9e4f", pine: "#2f6b3a",
  red: "#b03030", orange: "#e0812e", yellow: "#e3c04a", violet: "#7d4fa0", sand: "#d8c7a5", neutral: "#8a8a8a",
};
const MOST = 64; // hints, as the API takes them

let list = []; // {x, y, colour}, whole pixels of the picture
let picture = null;
let selected = -1;
let colour = "#b03030";
let tell = () => {};
let timer = 0;

export const current = () => list.map((hint) => ({ ...hint }));

/** Show a result's hints, unless keys have just moved one and that is still to be told. */
export function show(hints, of) {
  if (timer && picture === of) return;
  const same = picture === of && hints.length === list.length;
  list = hints.map((hint) => ({ ...hint }));
  picture = of;
  if (!same || selected >= list.length) selected = list.length - 1;
  draw();
}

function describe(hint) {
  return t("hint", hint);
}

function draw() {
  const focused = document.activeElement?.classList.contains("pin");
  $("pins").replaceChildren(...list.map(pin));
  $("hint-list").replaceChildren(...list.map(row));
  if (selected >= 0) colour = list[selected].colour;
  $("colour").value = colour;
  for (const swatch of $("swatches").children) swatch.setAttribute("aria-pressed", swatch.dataset.colour === colour);
  if (focused) $("pins").children[selected]?.focus();
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
    select(index);
  };
  node.onkeydown = (event) => pinKeys(event, index);
  let moved = false;
  node.onpointerdown = (event) => {
    node.setPointerCapture(event.pointerId);
    moved = false;
    event.stopPropagation();
  };
  node.onpointermove = (event) => {
    if (!event.buttons) return;
    moved = true;
    Object.assign(hint, where(event));
    place(node, hint);
  };
  node.onpointerup = () => {
    if (!moved) return;
    selected = index;
    changed();
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
    el("button", { type: "button", className: "icon", "aria-label": `${t("removeHint")}: ${describe(hint)}`, onclick: () => remove(index) }, icon("close")),
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
  const step = Math.max(1, Math.round((picture.width / 100) * (event.shiftKey ? 5 : 1)));
  const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  if (by) {
    event.preventDefault();
    event.stopPropagation();
    const hint = list[index];
    hint.x = clamp(hint.x + by[0], picture.width);
    hint.y = clamp(hint.y + by[1], picture.height);
    selected = index;
    draw();
    later();
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    remove(index);
    ($("pins").lastElementChild ?? $("hint-add")).focus();
  }
}

function select(index) {
  selected = index;
  draw();
}

function remove(index) {
  list.splice(index, 1);
  selected = list.length - 1;
  changed();
}

function add(at) {
  if (list.length === MOST) return;
  list.push({ ...at, colour });
  selected = list.length - 1;
  changed();
}

/** Choose a colour: for the selected dot, and for the next one. */
function choose(wanted) {
  colour = wanted;
  if (selected < 0) draw();
  else if (list[selected].colour !== wanted) {
    list[selected].colour = wanted;
    changed();
  }
}

function changed() {
  clearTimeout(timer);
  timer = 0;
  draw();
  tell(current());
}

/** Keys come fast; tell when they pause. */
function later() {
  clearTimeout(timer);
  timer = setTimeout(changed, 300);
}

/** Connect the controls; once. `listener(hints)` hears of every change. */
export function start(listener) {
  tell = listener;
  $("swatches").replaceChildren(
    ...Object.entries(SWATCHES).map(([key, value]) => {
      const swatch = el("button", { type: "button", className: "swatch", "aria-label": t(key), "aria-pressed": "false", data: { colour: value, tLabel: key }, onclick: () => choose(value) });
      swatch.style.background = value;
      return swatch;
    }),
  );
  $("colour").addEventListener("change", () => choose($("colour").value));
  $("surface").addEventListener("click", (event) => {
    if (!event.target.closest(".pin, .divider")) add(where(event));
  });
  $("hint-add").onclick = () => {
    add({ x: Math.floor(picture.width / 2), y: Math.floor(picture.height / 2) });
    $("pins").lastElementChild.focus();
  };
}
