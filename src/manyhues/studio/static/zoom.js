// The large view's zoom: wheel, pinch, double click, keys, buttons; zoomed in, dragging pans.
// The picture's box grows in the layout instead of being scaled, so that dots and handles keep
// their size, and the pixel under a pointer is found as without zoom.

import { $ } from "./dom.js";
import { decimal, t } from "./i18n.js";

const TWICE = 300; // milliseconds from one click to the second of a double click
const FAR = 6; // pixels after which a press is a drag
const STEP = 1.5; // of one press on a button or key

let zoom = 1;
let x = 0; // of the picture's middle from the stage's, in pixels
let y = 0;
let pixels = 1; // width of the picture itself
let told = () => {};

export const scale = () => zoom;

/** The whole picture again; another one where it is given. */
export function reset(picture) {
  if (picture) pixels = picture.width;
  put(1, 0, 0);
}

function put(wanted, left, top) {
  const box = $("surface").getBoundingClientRect();
  const stage = $("stage");
  const room = (size, space) => Math.max(0, ((size / zoom) * wanted - space) / 2);
  const within = (value, bound) => Math.min(bound, Math.max(-bound, value));
  x = within(left, room(box.width, stage.clientWidth));
  y = within(top, room(box.height, stage.clientHeight));
  zoom = wanted;
  for (const [name, value] of [["--zoom", zoom], ["--x", `${x}px`], ["--y", `${y}px`]]) stage.style.setProperty(name, value);
  const whole = zoom === 1;
  if (whole && document.activeElement?.matches("#zoom-out, #zoom-reset")) $("zoom-in").focus();
  $("zoom-out").hidden = $("zoom-reset").hidden = whole;
  $("zoom-reset").textContent = `${decimal(zoom)}×`;
  $("zoom-reset").title = t("zoomReset");
  $("zoom-reset").setAttribute("aria-label", `${$("zoom-reset").textContent}, ${t("zoomReset")}`);
  told();
}

function middle() {
  const box = $("stage").getBoundingClientRect();
  return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
}

/** Bring what lies at one point of the screen to another, `factor` times as large. */
function bring(from, to, factor) {
  const most = Math.max(4, (2 * pixels * zoom) / $("surface").getBoundingClientRect().width);
  const wanted = zoom * factor < 1.02 ? 1 : Math.min(most, zoom * factor);
  const { x: cx, y: cy } = middle();
  put(wanted, to.x - cx - ((from.x - cx - x) * wanted) / zoom, to.y - cy - ((from.y - cy - y) * wanted) / zoom);
}

const about = (at, factor) => bring(at, at, factor);

/** Pan until an element on the picture is in sight. */
export function reveal(node) {
  const box = node.getBoundingClientRect();
  const stage = $("stage").getBoundingClientRect();
  const at = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  if (at.x < stage.left || at.x > stage.right || at.y < stage.top || at.y > stage.bottom) bring(at, middle(), 1);
}

/** A key of the zoom; whether it was one. */
export function key(event) {
  const by = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] }[event.key];
  const at = middle();
  if (event.key === "+" || event.key === "=") about(at, STEP);
  else if (event.key === "-" || event.key === "_") about(at, 1 / STEP);
  else if (event.key === "0") reset();
  else if (by && event.shiftKey && zoom > 1) bring(at, { x: at.x + by[0], y: at.y + by[1] }, 1);
  else return false;
  return true;
}

/** Connect once: `changed()` hears of every change, `withdraw()` that a click was half a double one;
 *  `stroke(from, to)` may take a drag on the whole picture for itself, until `lift()`. */
export function start(changed, withdraw, stroke, lift) {
  told = changed;
  const surface = $("surface");
  const fingers = new Map(); // pointer to its last place
  let dragged = false;
  let last = null; // the click before

  surface.addEventListener("pointerdown", (event) => {
    if (!fingers.size) dragged = false;
    if (event.button !== 0 || event.target.closest(".pin, .divider i")) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size > 1) dragged = true;
  }, { capture: true });
  surface.addEventListener("pointermove", (event) => {
    const from = fingers.get(event.pointerId);
    if (!from) return;
    if (!event.buttons) { // let go outside the window
      fingers.delete(event.pointerId);
      return lift();
    }
    const to = { x: event.clientX, y: event.clientY };
    if (!dragged && Math.hypot(to.x - from.x, to.y - from.y) < FAR) return;
    if (!dragged) surface.setPointerCapture(event.pointerId);
    dragged = true;
    fingers.set(event.pointerId, to);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return (zoom === 1 && stroke(from, to)) || bring(from, to, 1);
    const half = (at) => ({ x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    const apart = (at) => Math.max(20, Math.hypot(at.x - other.x, at.y - other.y));
    bring(half(from), half(to), apart(to) / apart(from));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      lift();
    });
  }
  // A drag is no click, and a double click zooms: neither places a dot.
  surface.addEventListener("click", (event) => {
    const twice = last && event.timeStamp - last.timeStamp < TWICE && Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < 24;
    // The second click may hit the dot that the first has placed.
    last = dragged || twice || event.target.closest(".pin, .divider i") ? null : event;
    if (!dragged && !twice) return;
    event.stopImmediatePropagation();
    if (dragged) return;
    withdraw();
    if (zoom > 1) reset();
    else about({ x: event.clientX, y: event.clientY }, 2.5);
  }, { capture: true });
  $("stage").addEventListener("wheel", (event) => {
    event.preventDefault();
    // A pinch on a touchpad comes as small steps with Ctrl.
    about({ x: event.clientX, y: event.clientY }, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)));
  }, { passive: false });
  $("zoom-in").onclick = () => about(middle(), STEP);
  $("zoom-out").onclick = () => about(middle(), 1 / STEP);
  $("zoom-reset").onclick = () => reset();
  addEventListener("resize", () => put(zoom, x, y));
}
