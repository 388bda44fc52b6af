// One colouring, large: before and after, its neighbours in the list, saturation, keeping.

import { $, el, replace, swap, toast } from "./dom.js";
import { decimal, t } from "./i18n.js";
import { bases, isNew, shown, state } from "./state.js";
import { complain } from "./api.js";
import { share } from "./downloads.js";
import * as formats from "./formats.js";
import * as grid from "./grid.js";
import * as hints from "./hints.js";
import * as pages from "./pages.js";
import * as steering from "./steering.js";
import * as zoom from "./zoom.js";

const wishes = {};
export const handle = (handlers) => Object.assign(wishes, handlers);

let base = null; // the result whose place in the list this is
let larger = null; // the image that is on its way to take the place of a smaller one
let timer = 0;

const viewer = $("viewer");
export const isOpen = () => viewer.open;

// Open and closed. The history has an entry for the open view, so that Back closes it.

const above = () => ["away", "sending", "veil", "said", "toasts"].map($);

export function open(wanted) {
  base = wanted;
  sessionStorage.setItem("manyhues.large", base);
  if (!viewer.open) {
    viewer.showModal();
    viewer.append(...above()); // nothing outside a modal dialog is seen or announced
    if (!history.state?.large) history.pushState({ large: true }, "");
    compare(0);
    show();
    zoom.reset(state.session.picture);
  } else show();
}

/** Be open or closed as the history says, after Back, Forward or a reload. */
export function follow() {
  const large = history.state?.large && sessionStorage.getItem("manyhues.large");
  if (large && state.results.has(large)) open(large);
  else viewer.close();
}

/** Close because another picture, or none, takes this one's place; the history is the caller's. */
export const leave = () => viewer.close();

function closed() {
  if (viewer.open) return; // it was opened again at once
  document.body.append(...above());
  if (larger) delete $("after").dataset.id; // opened again, it is fetched again
  fetchImage(null);
  if (history.state?.large) history.back();
  document.querySelector(`.tile[data-base="${base}"] .open`)?.focus();
}

// What is shown

/** Write everything that depends on the shown result. */
export function show() {
  if (!viewer.open || !state.session) return;
  const result = shown(base);
  const { hints: wanted, saturation } = steering.wanted(base);
  const { picture } = state.session;
  const { number, favourite, hidden } = state.results.get(base);
  $("viewer-title").title = $("viewer-title").textContent = `${t("numbered", { number })} · ${pages.title(picture)}`;
  viewer.style.setProperty("--ratio", picture.width / picture.height);
  left(picture);
  $("after").alt = t("colouring", { number, name: picture.name });
  paint(result);
  $("v-heart").setAttribute("aria-pressed", favourite);
  $("v-hide").setAttribute("aria-pressed", hidden);
  neighbours();
  $("v-download").href = formats.link(result.download);
  formats.show();
  $("v-saturation").value = saturation;
  $("v-saturation-out").textContent = decimal(saturation);
  $("undo").disabled = !steering.canUndo(base);
  $("redo").disabled = !steering.canRedo(base);
  $("amount-out").textContent = decimal($("amount").value);
  recipe(result.recipe);
  hints.show(wanted, picture, base);
  hints.warn(result);
  $("hint-more").hidden = !wanted.length;
  busy();
}

/** What lies on the left of the line: the picture without colour, or another colouring. */
function left(picture) {
  const select = $("v-against");
  const others = bases().filter((id) => id !== base);
  const options = [["", t("againstGrey")], ...others.map((id) => [id, t("numbered", { number: state.results.get(id).number })])];
  const chosen = others.includes(select.value) ? select.value : "";
  select.replaceChildren(...options.map(([value, textContent]) => el("option", { value, textContent })));
  select.value = chosen;
  const other = chosen && state.results.get(chosen);
  const image = $("before");
  const [screen, full] = leftImages();
  if (!image.dataset.source?.startsWith(picture.grey.replace(/grey$/, ""))) swap(image, screen, state.session.local);
  else if (![screen, full].includes(image.dataset.source)) replace(image, screen);
  image.alt = other ? t("colouring", { number: other.number, name: picture.name }) : t("uncoloured", { name: picture.name });
  $("surface").classList.toggle("coloured", Boolean(other));
  $("side-left").textContent = other ? t("numbered", other) : t("before");
  $("side-right").textContent = other ? t("numbered", state.results.get(base)) : t("after");
  $("hold").textContent = other ? t("holdOther", other) : t("hold");
}

/** Its image as large as a screen, and at full size. */
function leftImages() {
  const other = $("v-against").value && shown($("v-against").value);
  const { grey } = state.session.picture;
  return other ? [other.view, fullOf(other)] : [grey, `${grey}?full=true`];
}

/** As JPEG where it came as one: much smaller, and the download needs the same file. */
const fullOf = (result) => (state.session.picture.format === "JPEG" ? result.download.replace(/\?.*/, "?format=jpg") : result.url);

const busy = () => ($("v-busy").hidden = !steering.busy(base) && !larger?.full);

function paint(result) {
  const image = $("after");
  if (image.dataset.id === result.id) return;
  image.dataset.id = result.id;
  image.src = result.preview; // there at once; the larger one follows
  fetchImage(result.view);
}

function fetchImage(source, full = false) {
  clearTimeout(timer);
  if (larger) larger.src = ""; // the studio need not make what nobody waits for
  larger = source ? Object.assign(new Image(), { src: source, full }) : null;
  if (larger) larger.onload = larger.onerror = (event) => {
    if (event.target !== larger) return;
    if (event.type === "load") $("after").src = source;
    else delete $("after").dataset.id; // the next to show it tries again
    larger = null;
    if (!full) sharpen();
    busy();
  };
  busy();
}

/** Zoomed in further than the screen-sized image goes, get the full one; it may take seconds. */
function sharpen() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const result = viewer.open && state.session && shown(base);
    const image = $("after");
    if (!result || larger || zoom.scale() === 1 || image.getAttribute("src") !== result.view) return;
    const { width } = state.session.picture;
    const needed = image.getBoundingClientRect().width * devicePixelRatio;
    if (image.naturalWidth >= width || needed < 1.2 * image.naturalWidth) return;
    replace($("before"), leftImages()[1]); // both as sharp
    fetchImage(fullOf(result), true);
  }, 800);
}

function recipe({ command, exact, file }) {
  $("copy-command").disabled = !command;
  const key = command ? (exact ? "recipeFile" : "recipeAnew") : "recipeNone";
  $("recipe-note").textContent = t(key, { file });
  $("recipe-note").hidden = false;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("copyFailed"), true);
  }
}

function compare(percent) {
  const at = Math.min(100, Math.max(0, percent));
  $("surface").style.setProperty("--at", `${at}%`);
  $("surface").classList.toggle("whole", at < 1 || at > 99);
  $("surface").classList.toggle("right", at > 99);
  $("compare").value = at;
}

let held = null; // where the divider was before one held to compare

/** Show the picture without colour for as long as something is held. */
function hold(wanted) {
  if (wanted === (held !== null)) return;
  if (wanted) held = Number($("compare").value);
  compare(wanted ? 100 : held);
  if (!wanted) held = null;
  $("hold").setAttribute("aria-pressed", wanted);
  $("surface").classList.toggle("held", wanted); // nothing lies over it
}

// Neighbours

/** The next listed result before (-1) or after (1) this one, which need not be listed itself. */
function neighbour(by) {
  const all = state.session.groups.filter(isNew).flatMap((group) => group.results).filter(Boolean);
  const listed = bases(grid.filter());
  for (let at = all.indexOf(base) + by; all[at]; at += by) if (listed.includes(all[at])) return all[at];
  return null;
}

/** Whether there is one before and after; as further ones arrive, too. */
export function neighbours() {
  if (!viewer.open) return;
  $("v-prev").disabled = !neighbour(-1);
  $("v-next").disabled = !neighbour(1);
}

function move(by) {
  const next = neighbour(by);
  if (next) open(next);
}

/** Connect the controls; once. */
export function start() {
  steering.start((changed, fault) => {
    if (fault) complain(fault);
    grid.refresh(changed);
    if (changed === base) show();
  });
  zoom.start(sharpen, hints.withdraw, hints.stroke, hints.lift); // before the hints: it decides what a click is
  hints.start((of, changed, pause, whole) => steering.wish(of, changed, steering.wanted(of).saturation, pause, whole));
  $("compare").addEventListener("input", () => compare(Number($("compare").value)));
  const slide = (event) => {
    const box = $("surface").getBoundingClientRect();
    compare((100 * (event.clientX - box.left)) / box.width);
  };
  const handle = $("divider").firstElementChild;
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => event.buttons && slide(event));
  $("v-saturation").addEventListener("input", () => ($("v-saturation-out").textContent = decimal($("v-saturation").value)));
  $("v-saturation").addEventListener("change", () => steering.wish(base, hints.current(), Number($("v-saturation").value)));
  $("amount").addEventListener("input", () => ($("amount-out").textContent = decimal($("amount").value)));
  $("undo").onclick = () => steering.undo(base);
  $("redo").onclick = () => steering.redo(base);
  $("v-prev").onclick = () => move(-1);
  $("v-next").onclick = () => move(1);
  $("v-close").onclick = () => viewer.close();
  $("v-heart").onclick = () => wishes.heart(base);
  $("v-against").onchange = show;
  formats.start(() => {
    grid.draw();
    show();
  });
  $("v-share").hidden = !navigator.canShare?.({ files: [new File([""], "a.jpg", { type: "image/jpeg" })] });
  $("v-share").onclick = () => share(formats.link(shown(base).download, "jpg")).catch(complain);
  $("v-hide").onclick = () => wishes.hide(base);
  $("hold").onpointerdown = (event) => {
    $("hold").setPointerCapture(event.pointerId);
    hold(true);
  };
  $("hold").onlostpointercapture = () => hold(false);
  addEventListener("keyup", (event) => [" ", "c", "C"].includes(event.key) && hold(false));
  $("copy-command").onclick = () => copy(shown(base).recipe.command);
  $("copy-python").onclick = () => copy(shown(base).recipe.python);
  const closing = (act) => () => {
    const of = shown(base).id;
    viewer.close();
    act(of);
  };
  $("v-like").onclick = closing((of) => wishes.like(of, Number($("amount").value)));
  $("v-blend").onclick = closing(() => grid.pick(base));
  $("hint-more").onclick = closing(() => wishes.more(hints.current()));
  viewer.addEventListener("close", closed);
  // Of the window: a button that is disabled when it is pressed loses the focus to the page.
  addEventListener("keydown", (event) => viewer.open && keys(event));
}

/** Whether a control has a use of its own for a key: of a choice between two the arrows alone. */
function takesKeys({ target, key }) {
  if (target.matches("input[type=radio]")) return key.startsWith("Arrow");
  return target.matches("input, select");
}

function keys(event) {
  const letter = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (letter !== "z" && letter !== "y") return;
    event.preventDefault();
    if (letter === "y" || event.shiftKey) steering.redo(base);
    else steering.undo(base);
  } else if (event.key === "Escape") {
    if (hints.release()) event.preventDefault(); // else it closes the view
  } else if (!event.altKey && !takesKeys(event)) {
    if (letter === "c" || (letter === " " && event.target === $("hold"))) hold(true);
    else if (letter === "f" || letter === "h") $(letter === "f" ? "v-heart" : "v-hide").click();
    else if (zoom.key(event)) event.preventDefault();
    else if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
  }
}
