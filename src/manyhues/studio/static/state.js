// What the page knows: the session as the API tells it, and which steering of a picture is shown.

import { ask } from "./api.js";

export const state = { session: null, results: new Map(), versions: {} };

const key = () => `manyhues.versions.${state.session.session}`;

/**
 * Take a session as the API tells it. Steering that was undone before a reload stays undone; what
 * was under way then, and so is newer than all that was kept, is shown.
 */
export function take(session) {
  state.session = session;
  state.results = new Map(session.results.map((result) => [result.id, result]));
  const kept = JSON.parse(sessionStorage.getItem(key()) ?? "{}");
  state.versions = {};
  for (const result of session.results) if (!isNew(result)) ensure(result.of[0]).history.push(result.id);
  const count = (id) => state.results.get(id).version;
  for (const [base, version] of Object.entries(state.versions)) {
    const before = kept[base];
    if (before?.history.every((id) => state.results.has(id))) {
      const newest = Math.max(...before.history.map(count));
      const since = version.history.filter((id) => count(id) > newest);
      if (!since.length) {
        state.versions[base] = before;
        continue;
      }
      version.history = [...before.history.slice(0, before.at + 1), ...since];
    }
    version.at = version.history.length - 1;
  }
}

export function drop() {
  state.session = null;
  state.results = new Map();
  state.versions = {};
}

function ensure(base) {
  state.versions[base] ??= { history: [base], at: 0 };
  return state.versions[base];
}

const keep = () => sessionStorage.setItem(key(), JSON.stringify(state.versions));

/** The result to show in the place of a base: the base, or how it was steered. */
export function shown(base) {
  const version = state.versions[base];
  return state.results.get(version ? version.history[version.at] : base);
}

/** Which of a base's steerings is shown: its place in their history. */
export const placeOf = (base) => state.versions[base]?.at ?? 0;

/**
 * A new steering of what was shown at the place `from`; what came after that is forgotten. One that
 * was undone before it arrived is not shown, but can be redone.
 */
export function steer(base, result, from, undone) {
  state.results.set(result.id, result);
  const version = ensure(base);
  version.history.splice(from + 1, Infinity, result.id);
  if (!undone) version.at = from + 1;
  keep();
}

export function canStep(base, by) {
  const version = state.versions[base];
  return Boolean(version) && version.at + by >= 0 && version.at + by < version.history.length;
}

/** Undo (-1) or redo (1). */
export function step(base, by) {
  state.versions[base].at += by;
  keep();
}

/** Whether an action's results are new ones, and not other versions of their base. */
export const isNew = ({ kind }) => kind !== "steer";

/** Whether a result belongs to what is listed: `all`, `favourites` or `hidden`. */
export function fits(id, which) {
  const { favourite, hidden } = state.results.get(id);
  return which === "hidden" ? hidden : !hidden && (which === "all" || favourite);
}

/** Results in the order of the page; each stands for its steerings. */
export function bases(which = "all") {
  const all = state.session.groups.filter(isNew).flatMap((group) => group.results);
  return all.filter((id) => id && fits(id, which));
}

/** Mark a result, as `{favourite}` or `{hidden}`: at once, and taken back where the studio refuses. */
export async function mark(base, wish, tell) {
  const { session } = state.session;
  const put = (values) => {
    if (state.session?.session !== session) return;
    state.results.set(base, { ...state.results.get(base), ...values });
    tell();
  };
  const was = Object.fromEntries(Object.keys(wish).map((key) => [key, state.results.get(base)[key]]));
  put(wish);
  try {
    await ask("PATCH", `/api/sessions/${session}/results/${base}`, wish);
  } catch (error) {
    put(was);
    throw error;
  }
}
