// The page: a picture in, the settings, and what each wish does.

import { $, el, offerUndo, swap, toast } from "./dom.js";
import { choose as chooseLanguage, current as language, decimal, t, translate } from "./i18n.js";
import { Refused, ask, complain, follow, sleep } from "./api.js";
import { drop as dropSession, isNew, mark, shown, state, take } from "./state.js";
import * as album from "./album.js";
import * as downloads from "./downloads.js";
import * as give from "./give.js";
import * as grid from "./grid.js";
import * as notes from "./notes.js";
import * as pages from "./pages.js";
import * as palette from "./palette.js";
import * as steering from "./steering.js";
import * as viewer from "./viewer.js";
import { view } from "./views.js";
import * as watch from "./watch.js";

let about = { methods: [], examples: [], upload_bytes: 0, pixels: 0, kept: false, diversity: 0.7 };
const WILDER = 1.4; // times the variety
let presence = new AbortController(); // ends with the session that is shown
const options = $("options");
const narrow = matchMedia("(max-width: 53.75em)"); // as in page.css

// A session, and the settings

function settings() {
  const { n, diversity, saturation, method, seed } = options.elements;
  const pick = options.querySelector("[name=pick]:checked").value;
  const values = { n: Number(n.value), diversity: Number(diversity.value), saturation: Number(saturation.value), pick, seed: Math.max(0, Math.floor(Number(seed.value)) || 0) };
  if (method.value) values.method = method.value;
  return values;
}

const kept = (session) => `manyhues.settings.${session.session}`;

function keepSettings() {
  if (state.session) sessionStorage.setItem(kept(state.session), JSON.stringify(settings()));
}

/** The settings as they were before a reload; the seed is one that the session has not drawn with. */
function restoreSettings() {
  const before = JSON.parse(sessionStorage.getItem(kept(state.session)) ?? "{}");
  for (const [name, value] of Object.entries(before)) options.elements[name].value = value;
  const drawn = state.session.groups.filter((group) => group.kind === "sample").map((group) => group.seed);
  if (!("seed" in before) || drawn.includes(before.seed)) options.elements.seed.value = Math.max(...drawn, -1) + 1;
  outputs();
  if (!("seed" in before)) keepSettings();
}

/** Show a session; `local` is the address of the file that it was made of, where one has it. */
function enter(session, local = "") {
  viewer.leave();
  part();
  panel(false);
  palette.drop();
  take(session);
  session.local = local;
  localStorage.setItem("manyhues.last", session.session);
  album.remember(session.session);
  watch.over(session.session);
  view("studio");
  const { picture } = session;
  Object.assign($("given"), { width: picture.width, height: picture.height }); // keeps its place
  swap($("given"), picture.grey, local);
  $("given").alt = $("given-name").textContent = $("given-name").title = picture.name;
  $("given-size").textContent = `${picture.width} × ${picture.height}`;
  notes.show(picture);
  document.title = `${pages.title(picture)} · manyhues`;
  const open = session.groups.filter((group) => group.job && isNew(group));
  for (const group of open) group.results = grid.slots(group);
  state.session.groups = session.groups.filter((group) => !open.includes(group));
  grid.showAll();
  for (const group of open) run(group, group.job, false);
  steering.resume();
  restoreSettings();
  viewer.follow();
}

/** Turn away from the session, if any. Its work goes on: whoever asks for a job is there for all. */
async function part() {
  presence.abort();
  presence = new AbortController();
  for (const id of grid.leave()) {
    const going = () => ask("GET", `/api/jobs/${id}`).then(({ state: now }) => ["waiting", "running"].includes(now), () => false);
    while (await going()) await sleep(2000);
  }
}

/** Put the focus where one is now, when what had it has gone. */
function settle() {
  if (document.activeElement?.checkVisibility?.() && document.activeElement !== document.body) return;
  $(state.session ? "results-title" : "choose").focus({ preventScroll: true });
}

function leave() {
  abandon();
  view("welcome");
  document.title = "manyhues studio";
  album.refresh();
}

/** The session that was shown, or asked for, is not there any more. */
function gone() {
  if (history.state?.large) history.replaceState(null, "", location.href); // so that nothing goes back later, past a wish
  abandon();
  album.forget(location.hash.slice(1));
  view("gone");
  document.title = `${t("goneTitle")} · manyhues`;
  $("gone-title").focus();
}

function abandon() {
  viewer.leave();
  part();
  panel(false);
  dropSession();
  watch.over(null);
  grid.pick(null);
  palette.drop();
  $("groups").replaceChildren();
  options.elements.seed.value = 0;
}

// Work

/** Fill a group as its job goes on. */
async function run(group, job, announce = true) {
  if (!state.session.groups.includes(group)) begin(group, announce);
  group.job = job;
  const { signal } = presence;
  const end = await follow(job, (event) => {
    if (signal.aborted) return;
    grid.hear(group, event);
    viewer.neighbours();
  }, signal);
  if (signal.aborted) return;
  if (end === "lost" || end === "offline") {
    grid.hear(group, { type: "stopped" });
    complain(new Refused(end, ""));
  }
  if (end === "done") (announce ? toast : grid.say)(t(group.total === 1 ? "finishedOne" : "finished", { total: group.total }));
}

function begin(group, announce) {
  state.session.groups.push(group);
  grid.begin(group, announce);
}

let begun = 0;

/** Ask for a drawing; its empty places are there at once. */
async function draw(verb, body, group) {
  const { session } = state;
  const total = body.ends === false ? body.steps - 2 : (body.n ?? body.steps);
  const kind = { colorize: "sample" }[verb] ?? verb;
  const own = { id: `new-${++begun}`, kind, of: [], total, results: Array(total).fill(null), ...group };
  begin(own, true);
  try {
    const job = await ask("POST", `/api/sessions/${session.session}/${verb}`, body);
    if (state.session !== session) return;
    grid.rename(own, job.id);
    await run(own, job);
  } catch (error) {
    if (state.session === session) {
      session.groups.splice(session.groups.indexOf(own), 1);
      grid.drop(own);
    }
    complain(error);
  }
}

const randomSeed = () => Math.floor(Math.random() * 1e6);

async function different(hints = []) {
  panel(false);
  const body = { ...settings(), ...palette.wish(), hints };
  options.elements.seed.value = body.seed + 1;
  keepSettings();
  await draw("colorize", body, { seed: body.seed, hinted: hints.length > 0 });
}

/** Mark a result: the page shows it before the studio has answered. */
async function marked(base, wish) {
  try {
    await mark(base, wish, () => {
      if (grid.filter() === "all" && !("hidden" in wish)) grid.refresh(base);
      else grid.draw();
      viewer.show();
    });
  } catch (error) {
    complain(error);
  }
}

const wishes = {
  open: (base) => viewer.open(base),
  like: (id, amount) => {
    const base = shown(id)?.id ?? id;
    return draw("vary", { result: base, amount, n: Number(options.elements.n.value), seed: randomSeed() }, { of: [base] });
  },
  blend: (first, second) => {
    const of = [shown(first).id, shown(second).id];
    return draw("blend", { start: of[0], end: of[1], steps: 5, ends: false }, { of });
  },
  heart: (base) => marked(base, { favourite: !state.results.get(base).favourite }),
  hide: (base) => {
    const { hidden, number } = state.results.get(base);
    if (!hidden) offerUndo(() => t("hidden", { number }), () => marked(base, { hidden: false }), presence.signal);
    return marked(base, { hidden: !hidden });
  },
  more: (hints) => different(hints),
  stop: async (group) => {
    const { session } = state;
    try {
      const { state: now } = await ask("DELETE", `/api/jobs/${group.id}`);
      if (now === "stopped" && state.session === session) grid.hear(group, { type: "stopped" }); // it waited, and no stream tells of it yet
    } catch (error) {
      complain(error);
    }
  },
};

// The page itself

/** On a narrow screen the panel is a dialog above the rest. */
function panel(wanted) {
  const shown = wanted && narrow.matches;
  const was = $("panel").classList.contains("shown");
  $("panel").classList.toggle("shown", shown);
  $("panel").setAttribute("role", shown ? "dialog" : "complementary");
  if (shown) $("panel").setAttribute("aria-modal", "true");
  else $("panel").removeAttribute("aria-modal");
  $("scrim").hidden = !shown;
  for (const node of document.querySelectorAll(".skip, .bar, .results, .dock")) node.inert = shown;
  $("panel-open").setAttribute("aria-expanded", shown);
  if (shown) $("panel-close").focus();
  else if (was) $("panel-open").focus();
}

function outputs() {
  for (const name of ["n", "diversity", "saturation"]) {
    const value = Number(options.elements[name].value);
    $(`${name}-out`).textContent = name === "n" ? value : decimal(value);
  }
}

const limits = () => ({ bytes: about.upload_bytes, mb: about.upload_bytes >> 20, mp: Math.round(about.pixels / 1e6) });

function relabel() {
  translate();
  outputs();
  $("limits").textContent = t("limits", limits());
  const other = language() === "en" ? "vi" : "en";
  Object.assign($("language"), { textContent: other.toUpperCase(), lang: other });
  $("language").setAttribute("aria-label", `${other.toUpperCase()}, ${other === "vi" ? "Tiếng Việt" : "English"}`);
  $("examples").replaceChildren(...about.examples.map(give.example));
  for (const node of document.querySelectorAll(".keeping")) node.textContent = t(about.kept ? "keptForGood" : "keptShort");
  album.draw();
  give.relabel();
  for (const node of $("toasts").children) node.say?.();
  if (state.session) {
    document.title = `${pages.title(state.session.picture)} · manyhues`;
    grid.draw();
    notes.show(state.session.picture);
  }
  if (viewer.isOpen()) viewer.show();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("manyhues.theme", root.dataset.theme);
}

/** What the address asks for: a session after the #, or the welcome. */
async function arrive() {
  const sid = location.hash.slice(1);
  if (sid === "main") return null; // the way past the bar, for the keyboard
  if (!sid) return leave();
  if (state.session?.session === sid) return viewer.follow();
  give.callOff(); // the newest choice wins
  const moved = () => location.hash.slice(1) !== sid; // while the studio was asked; also to the first page
  try {
    const session = await ask("GET", `/api/sessions/${sid}`);
    return moved() ? null : enter(session);
  } catch (error) {
    if (moved()) return null;
    if (error.code === "lost") return gone();
    complain(error);
    return leave(); // the address stays: once the studio answers, it is tried again
  }
}

/** The studio answers again: what is shown is as it knows it. */
function back() {
  toast(t("isBack"));
  if (state.session) state.session.session = null; // so that it is taken anew
  if (location.hash) arrive();
  else album.refresh();
}

async function forget() {
  const { session } = state.session;
  try {
    await ask("DELETE", `/api/sessions/${session}?undo=true`);
    album.forget(session);
    if (state.session?.session === session) {
      history.pushState(null, "", "/");
      leave();
    } else if (!state.session) album.refresh();
    offerUndo(() => t("forgotten"), () => ask("POST", `/api/sessions/${session}/restore`).then(enterNew, complain));
  } catch (error) {
    complain(error);
  }
}

function listen() {
  for (const id of ["new", "home", "gone-new"]) {
    $(id).addEventListener("click", (event) => {
      event.preventDefault();
      history.pushState(null, "", "/");
      leave();
      $("choose").focus();
    });
  }
  $("language").onclick = () => {
    chooseLanguage(language() === "en" ? "vi" : "en");
    relabel();
  };
  $("theme").onclick = theme;
  $("panel-open").onclick = () => panel(true);
  for (const id of ["panel-close", "scrim"]) $(id).onclick = () => panel(false);
  narrow.onchange = () => panel(false);
  $("different-too").onclick = () => different();
  const drawing = "#different, #different-too, #wilder, #v-like, #hint-more, .a-like";
  addEventListener("click", (event) => {
    if (event.detail !== 2 || !event.target.closest?.(drawing)) return;
    event.preventDefault(); // a double click wants one group
    event.stopPropagation();
  }, { capture: true });
  $("wilder").onclick = () => {
    options.elements.diversity.value = Math.min(2, WILDER * Math.max(about.diversity, Number(options.elements.diversity.value)));
    outputs();
    different();
  };
  $("forget").onclick = forget;
  $("blend-banner").lastElementChild.onclick = () => grid.pick(null);
  options.onsubmit = (event) => {
    event.preventDefault();
    different();
  };
  options.addEventListener("input", () => {
    outputs();
    keepSettings();
  });
  for (const radio of document.querySelectorAll("[name=filter]")) radio.onchange = grid.draw;
  addEventListener("popstate", () => arrive().then(settle));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || viewer.isOpen()) return;
    if (grid.isPicking()) grid.pick(null);
    else panel(false);
  });
}

function enterNew(session, local = "") {
  const verb = history.state?.large ? "replaceState" : "pushState"; // the open large view has an entry, which is not to be left behind
  history[verb](null, "", `#${session.session}`);
  enter(session, local);
  settle();
}

grid.handle(wishes);
give.handle({ settings, limits, settle, enter: enterNew, listed: () => state.session || album.refresh(), remember: album.remember });
give.start();
downloads.start();
palette.start();
pages.handle({ enter: enterNew, draw: () => different() });
pages.start();
watch.handle({ back, gone });
watch.start();
viewer.handle(wishes);
viewer.start();
options.elements.seed.value = 0;
outputs();
listen();
relabel();
ask("GET", "/api/about")
  .then((answer) => {
    about = answer;
    options.elements.method.replaceChildren(...about.methods.map((name) => el("option", { value: name, textContent: name })));
    options.elements.diversity.value = about.diversity;
    relabel();
    if (state.session) restoreSettings(); // the method too, now that it can be chosen
  })
  .catch(complain);
arrive();
