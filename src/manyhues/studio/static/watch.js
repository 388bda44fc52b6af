// Whether the studio still answers, and still has what is shown: asked now and then, and at once
// when something has failed. What the page says meanwhile, and what it does when it is back.

import { $ } from "./dom.js";

const SOON = 2000; // ms between two tries while it does not answer
const OFTEN = 10_000;
const SELDOM = 60_000; // behind other pages; the studio keeps what is shown for longer than that
const PATIENCE = 20_000; // ms that one answer may take

const wishes = {}; // back, gone: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

let sid = null; // the session that is shown
let away = false;
let timer = 0;
let asking = null;

/** Watch over a session, or over the studio alone. */
export function over(session) {
  sid = session;
  if (!away) later();
}

export const isAway = () => away;

function later() {
  clearTimeout(timer);
  timer = setTimeout(look, away ? SOON : document.hidden ? SELDOM : OFTEN);
}

async function look() {
  clearTimeout(timer);
  if (asking) return;
  asking = sid;
  const path = sid ? `/api/sessions/${sid}/alive` : "/healthz";
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" }).catch(() => null);
  const same = asking === sid;
  asking = null;
  const was = away;
  away = !answer || answer.status >= 502;
  $("away").hidden = !away;
  if (same && !away) {
    if (sid && answer.status === 404) wishes.gone();
    else if (was) wishes.back();
  }
  later();
}

/** Connect once. */
export function start() {
  addEventListener("unreachable", look);
  addEventListener("online", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  later();
}
