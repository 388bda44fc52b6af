// A picture in: chosen, dropped, pasted or an example; how far it has come; the newest choice wins.

import { $, el, toast } from "./dom.js";
import { current, t } from "./i18n.js";
import { Refused, ask, complain, follow, reach, send } from "./api.js";

const wishes = {}; // settings, limits, enter, listed: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

let report = null; // () => what became of several pictures, a line each: stays until it is closed
let giving = null; // {key, name, part, calling, local, count}: what is on its way

/** Give a picture to the studio; `load()` resolves to its file. What was on its way is called off. */
async function give(key, name, load) {
  if (giving?.key === key) return; // a double click
  callOff();
  tell(null);
  const mine = begin(key, name);
  const session = await upload(mine, load);
  if (giving === mine) {
    giving = null;
    show();
    if (session) wishes.enter(session, mine.local);
  }
}

const begin = (key, name, count = "") => (giving = { key, name, count, part: 0, local: "", calling: new AbortController() });

/** Send one picture; null where it is refused, or called off. */
async function upload(mine, load) {
  const { name } = mine;
  show();
  try {
    const form = new FormData();
    const file = await load();
    mine.local = URL.createObjectURL(file); // seen at once, where the browser knows its format
    form.append("image", file, name);
    for (const [option, value] of Object.entries(wishes.settings())) form.append(option, value);
    form.append("wait", "false");
    const told = (part) => {
      mine.part = part;
      show();
    };
    show();
    const session = await send("/api/colorize", form, told, mine.calling.signal);
    if (giving === mine) return session;
    ask("DELETE", `/api/sessions/${session.session}`).catch(() => {}); // it was called off too late
  } catch (error) {
    if (giving === mine) {
      refused(error, name);
      mine.refused = error;
    }
  }
  return null;
}

/** Give several pictures, one after the other; they appear in the list on the first page. `others` are none. */
async function giveMany(files, others) {
  callOff();
  tell(null);
  const left = others.map(({ name }) => () => t("notPicture", { name }));
  let done = 0;
  for (const [at, file] of files.entries()) {
    const mine = begin("many", file.name || "picture", t("ofMany", { at: at + 1, all: files.length }));
    if (tooLarge(file)) {
      left.push(() => t("tooLarge", { name: mine.name, ...wishes.limits() }));
      continue;
    }
    const session = await upload(mine, () => file);
    if (giving !== mine) return; // called off
    URL.revokeObjectURL(mine.local);
    if (!session) {
      left.push(() => why(mine.refused, mine.name, true));
      continue;
    }
    wishes.remember(session.session);
    wishes.listed();
    mine.part = 2;
    show();
    // Who listens keeps the work going; the next one is sent when this one is drawn.
    let fault = "";
    const end = await follow(session.job, (event) => (fault = event.message ?? fault), mine.calling.signal);
    if (giving !== mine) return;
    if (end === "done") done += 1;
    else left.push(() => why(new Refused(end, fault), mine.name, true));
    wishes.listed();
  }
  giving = null;
  show();
  const said = () => t("manyDone", { done, all: files.length });
  toast(said());
  tell(() => [said(), ...left.map((line) => line())]);
}

/** Say on the first page what became of several pictures: whoever comes back later sees it, too. */
function tell(lines) {
  report = lines;
  relabel();
}

/** The same, in the language of now. */
export function relabel() {
  $("many").hidden = !report;
  const [first, ...rest] = report?.() ?? [""];
  const list = rest.length ? [el("ul", {}, ...rest.map((line) => el("li", { textContent: line })))] : [];
  $("many-text").replaceChildren(el("p", { textContent: first }), ...list);
}

function tooLarge(file) {
  const limits = wishes.limits(); // 0 as long as they are not known
  const is = limits.bytes && file.size > limits.bytes;
  if (is) toast(t("tooLarge", { name: file.name || "picture", ...limits }), true);
  return is;
}

/** Call off what is on its way. */
export function callOff() {
  giving?.calling.abort();
  giving = null;
  show();
}

/** What to tell a person of a picture's fault; with its `named` name also where the words lack it. */
function why(error, name, named = false) {
  const text = error instanceof Refused ? error.say({ name, ...wishes.limits() }) : String(error);
  return !named || text.includes(name) ? text : `${name}: ${text}`;
}

function refused(error, name) {
  if (!(error instanceof Refused)) return complain(error);
  const node = toast(why(error, name), true);
  // What the decoder says comes second, without the name that it gives the file and the remedy we
  // gave; it speaks English alone.
  const detail = error.message.replace(/^[^:]*: /, "").replace(/; copy it again.*/, "");
  if (["picture", "size"].includes(error.code) && current() === "en") node.append(el("small", { textContent: detail }));
  return node;
}

function show() {
  $("sending").hidden = !giving;
  $("main").setAttribute("aria-busy", Boolean(giving));
  if (!giving) return;
  const { name, part, local, count } = giving;
  const text = count + t(part < 1 ? "sending" : part === 1 ? "opening" : "colouringName", { name });
  if ($("sending-text").textContent !== text) $("sending-text").textContent = text; // said once
  $("sending-picture").hidden = !local;
  if (local && $("sending-picture").src !== local) $("sending-picture").src = local;
  if (part < 1) $("sending-part").value = part;
  else $("sending-part").removeAttribute("value");
}

/** Give the pictures among some files. */
function giveFiles(files) {
  const given = [...files];
  const isPicture = (file) => /^(image\/.*|application\/dicom)?$/.test(file.type); // some systems know no HEIC
  const pictures = given.filter(isPicture);
  const [file] = pictures;
  const others = given.filter((one) => !pictures.includes(one));
  if (!file) return toast(given.length ? t("notPicture", { name: given[0].name }) : t("noPicture"), true);
  if (others.length) toast(t("notPicture", { name: others[0].name }), true);
  if (pictures.length > 1) return giveMany(pictures, others);
  if (tooLarge(file)) return null;
  const name = file.name || "picture";
  return give(`${name} ${file.size} ${file.lastModified}`, name, () => file);
}

/** The button of an example. */
export function example(name) {
  const title = name.replace(/\.\w+$/, "");
  const image = el("img", { src: `/examples/${name}`, alt: "", loading: "lazy" });
  const button = el("button", { type: "button", "aria-label": t("example", { name: title }) }, image);
  const load = async () => (await reach(`/examples/${name}`)).blob();
  button.onclick = () => give(`example ${name}`, name, load);
  return el("li", {}, button);
}

/** Connect the ways in; once. */
export function start() {
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => {
    giveFiles($("file").files);
    $("file").value = "";
  };
  $("sending-picture").onerror = () => {
    if (giving?.local === $("sending-picture").src) giving.local = ""; // for what is told next, too
    $("sending-picture").hidden = true;
  };
  $("many-close").onclick = () => {
    tell(null);
    wishes.settle();
  };
  $("sending-cancel").onclick = () => {
    callOff();
    wishes.settle();
  };
  addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    if (files.length || !event.target.matches("input, textarea")) giveFiles(files);
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
    // Asked for at once: nothing of a drop can be asked once its event is over.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return giveFiles(event.dataTransfer.files);
    Promise.all(entries.filter(Boolean).map(below)).then((files) => giveFiles(files.flat()), complain);
  });
}

/** The files of an entry: itself, or of a folder all below it, by name; without hidden ones. */
async function below(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader();
  const found = [];
  for (let some = null; some?.length !== 0; found.push(...some)) // a hundred at a time
    some = await new Promise((done, fail) => reader.readEntries(done, fail));
  const shown = found.filter(({ name }) => !name.startsWith("."));
  shown.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(shown.map(below))).flat();
}
