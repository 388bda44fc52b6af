// Steering: other hints or another saturation for a picture. One request at a time; of several
// wishes for one picture the latest wins, and each belongs to the picture it was made for.

import { ask, finish } from "./api.js";
import { canStep, isNew, placeOf, shown, state, steer, step } from "./state.js";

let waiting = []; // wishes, in their order
let running = null; // the wish that the studio works on
let timer = 0;
let tell = () => {};

/** Connect once: `listener(base, error)` hears that what is wanted or shown of a base has changed. */
export const start = (listener) => (tell = listener);

const underway = (base) => (running?.base === base && !running.undone ? running : null);

const last = (base) => waiting.findLast((one) => one.base === base);

export const busy = (base) => Boolean(last(base) ?? underway(base));

/** Hints and saturation as they are to be: of the latest wish, or of what is shown. */
export const wanted = (base) => last(base) ?? underway(base) ?? shown(base);

const key = ({ hints, saturation }) => JSON.stringify([hints, saturation]);

/**
 * Wish for hints and a saturation; more may follow within `pause` milliseconds. A wish takes the
 * place of one that still waits, unless either is `whole`: a step of its own, to be undone alone.
 */
export function wish(base, hints, saturation, pause = 0, whole = false) {
  const before = last(base);
  if (before && !before.whole && !whole) drop(before);
  const one = { base, session: state.session.session, hints, saturation, whole, due: performance.now() + pause };
  if (key(one) !== key(wanted(base))) waiting.push(one);
  tell(base);
  go();
}

const drop = (wish) => (waiting = waiting.filter((one) => one !== wish));

async function go() {
  clearTimeout(timer);
  if (running || !waiting.length) return;
  const [next] = waiting;
  const rest = next.due - performance.now();
  if (rest > 0) {
    timer = setTimeout(go, rest);
    return;
  }
  drop(next);
  running = { ...next, from: placeOf(next.base), undone: false };
  const fault = await fulfil(running).catch((error) => error);
  const { base, session } = running;
  running = null;
  if (isShown(session)) tell(base, fault);
  go();
}

const isShown = (session) => state.session?.session === session; // also come back to

async function fulfil(one) {
  const body = { result: one.base, hints: one.hints, saturation: one.saturation };
  const job = await ask("POST", `/api/sessions/${one.session}/hints`, body);
  const [result] = await finish(job);
  if (isShown(one.session)) steer(one.base, result, one.from, one.undone);
}

/** Wait for what a reload has left under way. */
export function resume() {
  const { session } = state.session;
  for (const group of state.session.groups) {
    const { job, of: [base] } = group;
    if (isNew(group) || !job || running?.base === base) continue;
    const take = ([result]) => {
      if (!isShown(session) || state.results.has(result.id)) return;
      steer(base, result, placeOf(base), false);
      tell(base);
    };
    finish(job).then(take, (fault) => isShown(session) && tell(base, fault));
  }
}

// Undoing takes back what was wished last, also when it has not arrived yet.

const late = (base) => running?.base === base && running.undone && !last(base);

export const canUndo = (base) => busy(base) || canStep(base, -1);
export const canRedo = (base) => late(base) || (!busy(base) && canStep(base, 1));

export function undo(base) {
  if (last(base)) {
    drop(last(base));
    go();
  } else if (underway(base)) running.undone = true;
  else if (canStep(base, -1)) step(base, -1);
  tell(base);
}

export function redo(base) {
  if (!canRedo(base)) return;
  if (late(base) && placeOf(base) === running.from) running.undone = false;
  else step(base, 1);
  tell(base);
}
