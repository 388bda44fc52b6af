// Small helpers: elements without markup strings, icons, messages.

import { t } from "./i18n.js";

export const $ = (id) => document.getElementById(id);

/** An element with properties, attributes (names with a dash, or role) and children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Say something for a few seconds; `bad` things stay longer. Returns its element. */
export function toast(text, bad = false) {
  const node = el("p", { className: bad ? "toast bad" : "toast", textContent: text });
  $("toasts").append(node);
  setTimeout(() => node.remove(), bad ? 9000 : 3500);
  return node;
}

/** Say what was done, `text()`, with a button that takes it back for a while, or until a signal. */
export function offerUndo(text, undo, signal) {
  const node = el("p", { className: "toast" });
  const said = el("span");
  const button = el("button", { type: "button", className: "undo" });
  node.say = () => ([said.textContent, button.textContent] = [text(), t("undo")]); // in another language, too
  node.say();
  signal?.addEventListener("abort", () => node.remove());
  button.onclick = () => {
    node.remove();
    undo();
  };
  node.append(said, button);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 20_000);
}

/** Show another image where one is: at once what is at hand, and the rest when it is decoded. */
export function swap(image, source, meanwhile = "") {
  if (image.dataset.source === source) return;
  image.dataset.source = source;
  if (meanwhile) image.src = meanwhile;
  else image.removeAttribute("src");
  image.onerror = () => image.removeAttribute("src"); // a format that the browser cannot show
  replace(image, source);
}

/** The same, and until then what is there stays. */
export function replace(image, source) {
  image.dataset.source = source;
  const next = Object.assign(new Image(), { src: source });
  const put = () => image.dataset.source === source && (image.src = source);
  next.decode().then(put, put);
}
