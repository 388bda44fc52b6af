// Small helpers: elements without markup strings, icons, messages.

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
