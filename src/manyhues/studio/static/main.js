// The page: a picture in, the settings, and what each wish does.

import { $, el, toast } from "./dom.js";
import { choose as chooseLanguage, current as language, t, translate } from "./i18n.js";
import { Refused, ask, follow } from "./api.js";
import { drop as dropSession, favourite, shown, state, take } from "./state.js";
import * as grid from "./grid.js";
import * as viewer from "./viewer.js";

let about = { methods: [], examples: [], upload_bytes: 0, pixels: 0 };
const options = $("options");

const complain = (error) => toast(error instanceof Refused ? error.text : String(error), true);

// A picture in

async function colour(file) {
  if (!file || !/^image\/|^$/.test(file.type)) return toast(t("notPicture"), true);
  const form = new FormData();
  form.append("image", file, file.name || "picture");
  for (const [name, value] of Object.entries(settings())) form.append(name, value);
  form.append("wait", "false");
  document.body.classList.add("loading");
  try {
    const session = await ask("POST", "/api/colorize", form);
    history.pushState(null, "", `#${session.session}`);
    enter(session);
  } catch (error) {
    complain(error);
  } finally {
    document.body.classList.remove("loading");
  }
}

function settings() {
  const { n, diversity, saturation, method, seed } = options.elements;
  const pick = options.querySelector("[name=pick]:checked").value;
  const values = { n: Number(n.value), diversity: Number(diversity.value), saturation: Number(saturation.value), pick, seed: Math.max(0, Math.floor(Number(seed.value)) || 0) };
  if (method.value) values.method = method.value;
  return values;
}

function enter(session) {
  take(session);
  localStorage.setItem("manyhues.last", session.session);
  $("welcome").hidden = true;
  $("studio").hidden = false;
  $("new").hidden = false;
  const { picture } = session;
  $("given").src = picture.grey;
  $("given").alt = picture.name;
  $("given-name").textContent = picture.name;
  $("given-name").title = picture.name;
  $("given-size").textContent = `${picture.width} × ${picture.height}`;
  $("notes").replaceChildren(...picture.notes.map((note) => el("li", { textContent: note })));
  document.title = `${picture.name} · manyhues`;
  const open = session.groups.filter((group) => group.job && group.kind !== "steer");
  for (const group of open) group.results = slotsOf(group);
  state.session.groups = session.groups.filter((group) => !open.includes(group));
  grid.draw();
  for (const group of open) run(group, group.job, false);
  nextSeed();
}

const slotsOf = (group) => Array.from({ length: group.total }, (_, slot) => group.results[slot] ?? null);

/** A seed that this session has not drawn with. */
function nextSeed() {
  const seeds = [...state.results.values()].filter((result) => result.kind === "sample").map((result) => result.seed);
  options.elements.seed.value = Math.max(0, ...seeds, ...state.session.groups.map((group) => group.seed ?? 0)) + 1;
}

function leave() {
  dropSession();
  grid.pick(null);
  $("groups").replaceChildren();
  $("welcome").hidden = false;
  $("studio").hidden = true;
  $("new").hidden = true;
  options.elements.seed.value = 0;
  document.title = "manyhues studio";
  offerLast();
}

// Work

/** Show a group and fill it as its job goes on. */
async function run(group, job, announce = true) {
  const { session } = state;
  session.groups.push(group);
  group.job = job;
  grid.begin(group, announce);
  const end = await follow(job, (event) => state.session === session && grid.hear(group, event));
  if (state.session !== session) return;
  if (end === "lost") grid.hear(group, { type: "stopped" });
  if (end === "done" && announce) toast(t("finished", { total: group.total }));
}

async function draw(verb, body, group) {
  try {
    const job = await ask("POST", `/api/sessions/${state.session.session}/${verb}`, body);
    await run({ id: job.id, kind: job.kind, of: [], total: job.total, results: Array(job.total).fill(null), ...group }, job);
  } catch (error) {
    complain(error);
  }
}

const randomSeed = () => Math.floor(Math.random() * 1e6);

function different(hints = []) {
  panel(false);
  const body = { ...settings(), hints };
  options.elements.seed.value = body.seed + 1;
  return draw("colorize", body, { seed: body.seed, hinted: hints.length > 0 });
}

const wishes = {
  open: (base) => viewer.open(base),
  like: (id, amount) => {
    const base = shown(id)?.id ?? id;
    return draw("vary", { result: base, amount, n: Number(options.elements.n.value), seed: randomSeed() }, { of: [base] });
  },
  blend: (first, second) => {
    const of = [shown(first).id, shown(second).id];
    return draw("blend", { start: of[0], end: of[1], steps: 5 }, { of });
  },
  heart: async (base) => {
    try {
      await favourite(base);
      grid.refresh(base);
      if (grid.filter() === "favourites") grid.draw();
    } catch (error) {
      complain(error);
    }
  },
  more: (hints) => different(hints),
  stop: (group) => ask("DELETE", `/api/jobs/${group.id}`).catch(complain),
};

// The page itself

function panel(shown) {
  $("panel").classList.toggle("shown", shown);
  $("panel-open").setAttribute("aria-expanded", shown);
  if (shown) $("panel-close").focus();
}

function outputs() {
  for (const name of ["n", "diversity", "saturation"]) {
    const value = Number(options.elements[name].value);
    $(`${name}-out`).textContent = name === "n" ? value : value.toFixed(1);
  }
}

function relabel() {
  translate();
  $("limits").textContent = t("limits", { mb: about.upload_bytes >> 20, mp: Math.round(about.pixels / 1e6) });
  const other = language() === "en" ? "vi" : "en";
  Object.assign($("language"), { textContent: other.toUpperCase(), lang: other });
  $("language").setAttribute("aria-label", `${other.toUpperCase()}, ${other === "vi" ? "Tiếng Việt" : "English"}`);
  $("examples").replaceChildren(...about.examples.map(example));
  if (state.session) grid.draw();
  if (viewer.isOpen()) viewer.show();
}

function example(name) {
  const title = name.replace(/\.\w+$/, "");
  const image = el("img", { src: `/examples/${name}`, alt: "", loading: "lazy" });
  const button = el("button", { type: "button", "aria-label": t("example", { name: title }) }, image);
  button.onclick = async () => {
    const blob = await (await fetch(`/examples/${name}`)).blob();
    colour(new File([blob], name, { type: blob.type }));
  };
  return el("li", {}, button);
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("manyhues.theme", root.dataset.theme);
}

async function offerLast() {
  const last = localStorage.getItem("manyhues.last");
  const there = last && (await ask("GET", `/api/sessions/${last}`).catch(() => null));
  $("last").hidden = !there;
  if (there) $("last").href = `#${last}`;
  else localStorage.removeItem("manyhues.last");
}

/** What the address asks for: a session after the #, or the welcome. */
async function arrive() {
  const sid = location.hash.slice(1);
  if (!sid) return leave();
  if (state.session?.session === sid) return null;
  try {
    const session = await ask("GET", `/api/sessions/${sid}`);
    return location.hash.slice(1) === sid ? enter(session) : null; // or one has moved on
  } catch (error) {
    complain(error);
    history.replaceState(null, "", "/");
    return leave();
  }
}

async function forget() {
  if (!confirm(t("forgetSure"))) return;
  try {
    await ask("DELETE", `/api/sessions/${state.session.session}`);
    toast(t("forgotten"));
    history.pushState(null, "", "/");
    leave();
  } catch (error) {
    complain(error);
  }
}

function listen() {
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => {
    colour($("file").files[0]);
    $("file").value = "";
  };
  for (const id of ["new", "home"]) {
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
  $("panel-close").onclick = () => {
    panel(false);
    $("panel-open").focus();
  };
  $("different-too").onclick = () => different();
  $("forget").onclick = forget;
  $("blend-banner").lastElementChild.onclick = () => grid.pick(null);
  options.onsubmit = (event) => {
    event.preventDefault();
    different();
  };
  options.addEventListener("input", outputs);
  for (const radio of document.querySelectorAll("[name=filter]")) radio.onchange = grid.draw;
  addEventListener("popstate", arrive);
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) colour(file);
    else if (!event.target.matches("input, textarea")) toast(t("notPicture"), true);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || viewer.isOpen()) return;
    if (grid.isPicking()) grid.pick(null);
    else if ($("panel").classList.contains("shown")) $("panel-close").click();
  });
  dropping();
}

function dropping() {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const veil = (by) => {
    depth = by === 0 ? 0 : depth + by;
    $("veil").hidden = depth <= 0;
  };
  addEventListener("dragenter", (event) => files(event) && veil(1));
  addEventListener("dragleave", (event) => files(event) && veil(-1));
  addEventListener("dragover", (event) => files(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    veil(0);
    colour(event.dataTransfer.files[0]);
  });
}

grid.handle(wishes);
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
    relabel();
  })
  .catch(complain);
arrive();
