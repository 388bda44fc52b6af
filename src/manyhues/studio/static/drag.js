// Dragging one tile onto another: by mouse at once, by finger after a short press (so that
// scrolling stays scrolling).

import { el } from "./dom.js";

const FAR = 8; // pixels after which a press is a drag
const PRESS = 350; // milliseconds

/** Make a tile's face draggable; `drop(base)` is told on which tile it was let go. */
export function dragging(face, image, drop) {
  let start = null;
  let ghost = null;
  let timer = 0;
  let dropped = false;

  const target = (event) => {
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest(".tile[data-base]");
    return under && under !== face.parentElement ? under : null;
  };
  const mark = (wanted) => {
    for (const node of document.querySelectorAll(".tile.target")) if (node !== wanted) node.classList.remove("target");
    wanted?.classList.add("target");
  };
  const lift = (event) => {
    ghost = el("img", { className: "ghost", src: image.src, alt: "" });
    document.body.append(ghost);
    face.parentElement.classList.add("lifted");
    face.setPointerCapture(event.pointerId);
    addEventListener("keydown", cancel, { capture: true });
    follow(event);
  };
  const follow = (event) => {
    ghost.style.left = `${event.clientX}px`;
    ghost.style.top = `${event.clientY}px`;
    mark(target(event));
  };
  const cancel = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // this Escape is for the drag alone
    end();
    dropped = true; // letting go afterwards is no click
  };
  const end = () => {
    clearTimeout(timer);
    removeEventListener("keydown", cancel, { capture: true });
    start = null;
    ghost?.remove();
    ghost = null;
    mark(null);
    face.parentElement?.classList.remove("lifted");
  };

  face.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = event;
    dropped = false;
    if (event.pointerType !== "mouse") timer = setTimeout(() => start && lift(start), PRESS);
  });
  face.addEventListener("pointermove", (event) => {
    if (!start) return;
    const moved = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
    if (ghost) follow(event);
    else if (moved > FAR && start.pointerType === "mouse") lift(event);
    else if (moved > FAR) end();
  });
  // A finger that holds a tile must not scroll the page.
  face.addEventListener("touchmove", (event) => ghost && event.preventDefault(), { passive: false });
  face.addEventListener("contextmenu", (event) => ghost && event.preventDefault());
  face.addEventListener("pointerup", (event) => {
    const onto = ghost && target(event);
    const dragged = Boolean(ghost);
    end();
    dropped ||= dragged;
    setTimeout(() => (dropped = false)); // the click that follows belongs to the drag
    if (onto) drop(onto.dataset.base);
  });
  face.addEventListener("pointercancel", end);
  face.addEventListener("click", (event) => dropped && event.stopImmediatePropagation(), { capture: true });
}
