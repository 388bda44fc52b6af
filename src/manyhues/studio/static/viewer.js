// One colouring, large: before and after, its neighbours in the list, saturation, keeping.

import { $, toast } from "./dom.js";
import { t } from "./i18n.js";
import { bases, canStep, shown, state, step, steer } from "./state.js";
import { Refused, ask, finish } from "./api.js";
import * as grid from "./grid.js";
import * as hints from "./hints.js";

const wishes = {};
export const handle = (handlers) => Object.assign(wishes, handlers);

let base = null; // the result whose place in the list this is
let pending = null; // what to steer to next, while a steering is under way
let steering = false;

const viewer = $("viewer");
export const isOpen = () => viewer.open;

export function open(wanted) {
  base = wanted;
  if (!viewer.open) {
    viewer.showModal();
    compare(0);
  }
  show();
}

/** Write everything that depends on the shown result. */
export function show() {
  const result = shown(base);
  const { picture } = state.session;
  const { number, favourite } = state.results.get(base);
  $("viewer-title").textContent = `${t("numbered", { number })} · ${picture.name}`;
  viewer.style.setProperty("--ratio", picture.width / picture.height);
  if ($("before").getAttribute("src") !== picture.grey) $("before").src = picture.grey;
  $("before").alt = t("before");
  $("after").alt = t("open", { number });
  paint(result);
  $("v-heart").setAttribute("aria-pressed", favourite);
  const list = bases(grid.filter() === "favourites");
  $("v-prev").disabled = list.indexOf(base) <= 0;
  $("v-next").disabled = list.indexOf(base) === list.length - 1;
  $("v-download").href = result.download;
  $("v-saturation").value = result.saturation;
  $("v-saturation-out").textContent = result.saturation.toFixed(1);
  $("undo").disabled = !canStep(base, -1);
  $("redo").disabled = !canStep(base, 1);
  recipe(result.recipe);
  hints.show(result.hints, picture);
  $("hint-more").hidden = !result.hints.length;
}

function paint(result) {
  const image = $("after");
  if (image.dataset.id === result.id) return;
  image.dataset.id = result.id;
  image.src = result.preview; // there at once; the larger one follows
  const large = new Image();
  large.onload = () => {
    if (image.dataset.id === result.id) image.src = result.view;
  };
  large.src = result.view;
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
  $("compare").value = at;
}

/** Give the shown result other hints or another saturation; the latest wish wins. */
export async function steerTo(wish) {
  pending = { ...wish, base, session: state.session };
  if (steering) return;
  steering = true;
  $("v-busy").hidden = false;
  try {
    while (pending) {
      const next = pending;
      pending = null;
      await steerOnce(next);
    }
  } catch (error) {
    pending = null;
    toast(error instanceof Refused ? error.text : String(error), true);
    if (viewer.open) show();
  } finally {
    steering = false;
    $("v-busy").hidden = true;
  }
}

async function steerOnce(wish) {
  const body = { result: wish.base, hints: wish.hints, saturation: wish.saturation };
  const job = await ask("POST", `/api/sessions/${wish.session.session}/hints`, body);
  const [result] = await finish(job);
  if (state.session !== wish.session) return;
  steer(wish.base, result);
  grid.refresh(wish.base);
  if (viewer.open && base === wish.base && !pending) show();
}

function undo(by) {
  if (!canStep(base, by)) return;
  step(base, by);
  grid.refresh(base);
  show();
}

function move(by) {
  const list = bases(grid.filter() === "favourites");
  const next = list[list.indexOf(base) + by];
  if (next) open(next);
}

/** Connect the controls; once. */
export function start() {
  hints.start((changed) => steerTo({ hints: changed, saturation: Number($("v-saturation").value) }));
  $("compare").addEventListener("input", () => compare(Number($("compare").value)));
  const slide = (event) => {
    const box = $("surface").getBoundingClientRect();
    compare((100 * (event.clientX - box.left)) / box.width);
  };
  $("divider").addEventListener("pointerdown", (event) => {
    $("divider").setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  $("divider").addEventListener("pointermove", (event) => event.buttons && slide(event));
  $("divider").addEventListener("click", (event) => event.stopPropagation());
  $("v-saturation").addEventListener("input", () => ($("v-saturation-out").textContent = Number($("v-saturation").value).toFixed(1)));
  $("v-saturation").addEventListener("change", () => steerTo({ hints: hints.current(), saturation: Number($("v-saturation").value) }));
  $("amount").addEventListener("input", () => ($("amount-out").textContent = $("amount").value));
  $("undo").onclick = () => undo(-1);
  $("redo").onclick = () => undo(1);
  $("v-prev").onclick = () => move(-1);
  $("v-next").onclick = () => move(1);
  $("v-close").onclick = () => viewer.close();
  $("v-heart").onclick = () => wishes.heart(base).then(show);
  $("copy-command").onclick = () => copy(shown(base).recipe.command);
  $("copy-python").onclick = () => copy(shown(base).recipe.python);
  const leave = (act) => () => {
    const of = shown(base).id;
    viewer.close();
    act(of);
  };
  $("v-like").onclick = leave((of) => wishes.like(of, Number($("amount").value)));
  $("v-blend").onclick = leave(() => grid.pick(base));
  $("hint-more").onclick = leave(() => wishes.more(hints.current()));
  viewer.addEventListener("close", () => document.querySelector(`.tile[data-base="${base}"] .open`)?.focus());
  viewer.addEventListener("keydown", keys);
}

function keys(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
    event.preventDefault();
    undo(event.shiftKey ? 1 : -1);
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "y") {
    event.preventDefault();
    undo(1);
  } else if (!event.target.matches("input, .pin") && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
  }
}
