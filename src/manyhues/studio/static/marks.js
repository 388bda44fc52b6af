// Marks on the large view: a dot of one colour, or the dots of one stroke of the brush, which are
// moved, coloured and removed as one. The API knows dots alone; the page remembers their strokes.

import { t } from "./i18n.js";

const KEY = "manyhues.strokes";
const strokes = JSON.parse(sessionStorage.getItem(KEY) ?? "{}"); // "BASE X,Y" to the number of a stroke
const key = (base, { x, y }) => `${base} ${x},${y}`;

/** A mark to which dots are to come. */
export const begun = (colour) => ({ colour, dots: [], stroke: Math.max(0, ...Object.values(strokes)) + 1 });

/** Hints as marks: dots of one stroke follow each other. `dots` have their place among the hints, `at`. */
export function grouped(base, hints) {
  const marks = [];
  for (const [at, { x, y, colour }] of hints.entries()) {
    const stroke = strokes[key(base, { x, y })] ?? 0;
    const last = marks.at(-1);
    if (stroke && last?.stroke === stroke && last.colour === colour) last.dots.push({ x, y, at });
    else marks.push({ colour, stroke, dots: [{ x, y, at }] });
  }
  return marks;
}

/** Marks as hints, as the API takes them. */
export const flat = (marks) => marks.flatMap(({ colour, dots }) => dots.map(({ x, y }) => ({ x, y, colour })));

/** Remember which dots of a base are of one stroke. */
export function remember(base, marks) {
  for (const { stroke, dots } of marks) for (const dot of dots) if (stroke) strokes[key(base, dot)] = stroke;
  sessionStorage.setItem(KEY, JSON.stringify(strokes));
}

/** The dot that a mark is held by. */
export const handle = ({ dots }) => dots[dots.length >> 1];

/** Move a mark by whole pixels, as far as all of it stays in the picture. */
export function shift({ dots }, by, { width, height }) {
  for (const [axis, size] of [["x", width], ["y", height]]) {
    const all = dots.map((dot) => dot[axis]);
    const step = Math.min(size - 1 - Math.max(...all), Math.max(-Math.min(...all), by[axis]));
    for (const dot of dots) dot[axis] += step;
  }
}

/** A mark in words; `named` is what its colour is called. */
export function describe({ dots }, named) {
  const [first, last] = [dots[0], dots.at(-1)];
  const colour = named.charAt(0).toUpperCase() + named.slice(1);
  return dots.length === 1 ? t("hint", { ...first, colour }) : t("stroke", { colour, x: first.x, y: first.y, x2: last.x, y2: last.y });
}

/** The lines of strokes, over a picture of a size. */
export function lines(marks, { width, height }) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const { colour, dots } of marks.filter((one) => one.dots.length > 1)) {
    for (const kind of ["rim", "line"]) {
      const line = document.createElementNS(space, "polyline");
      line.setAttribute("class", kind);
      line.setAttribute("points", dots.map(({ x, y }) => `${x + 0.5},${y + 0.5}`).join(" "));
      if (kind === "line") line.style.stroke = colour;
      svg.append(line);
    }
  }
  return svg;
}
