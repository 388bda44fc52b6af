// A picture in: chosen, dropped, pasted or an example; how far it has come; the newest choice wins.

import { $, el, toast } from "./dom.js";
import { t } from "./i18n.js";
import { Refused, ask, complain, reach, send } from "./api.js";

const wishes = {}; // settings, limits, enter: what main.js does
export const handle = (handlers) => Object.assign(wishes, handlers);

let giving = null; // {key, name, part, calling}: what is on its way

/** Give a picture to the studio; `load()` resolves to its file. What was on its way is called off. */
async function give(key, name, load) {
  if (giving?.key === key) return; // a double click
  callOff();
  const mine = { key, name, part: 0, calling: new AbortController() };
  giving = mine;
  show();
  let session = null;
  try {
    const form = new FormData();
    form.append("image", await load(), name);
    for (const [option, value] of Object.entries(wishes.settings())) form.append(option, value);
    form.append("wait", "false");
    const told = (part) => {
      mine.part = part;
      show();
    };
    session = await send("/api/colorize", form, told, mine.calling.signal);
  } catch (error) {
    if (giving === mine) refused(error, name);
  }
  if (giving === mine) {
    giving = null;
    show();
    if (session) wishes.enter(session);
  } else if (session) ask("DELETE", `/api/sessions/${session.session}`).catch(() => {}); // it was called off too late
}

/** Call off what is on its way. */
export function callOff() {
  giving?.calling.abort();
  giving = null;
  show();
}

function refused(error, name) {
  if (!(error instanceof Refused)) return complain(error);
  const node = toast(error.say({ name, ...wishes.limits() }), true);
  // What the decoder says comes second, without the name that it gives the file and the remedy we gave.
  const detail = error.message.replace(/^[^:]*: /, "").replace(/; copy it again.*/, "");
  if (["picture", "size"].includes(error.code)) node.append(el("small", { textContent: detail }));
  return node;
}

function show() {
  $("sending").hidden = !giving;
  $("main").setAttribute("aria-busy", Boolean(giving));
  if (!giving) return;
  const { name, part } = giving;
  const text = t(part < 1 ? "sending" : "opening", { name });
  if ($("sending-text").textContent !== text) $("sending-text").textContent = text; // said once
  if (part < 1) $("sending-part").value = part;
  else $("sending-part").removeAttribute("value");
}

/** Give the first picture of some files. */
function giveFiles(files) {
  const given = [...files];
  const isPicture = (file) => /^(image\/.*)?$/.test(file.type); // some systems know no HEIC
  const file = given.find(isPicture);
  if (!file) return toast(given.length ? t("notPicture", { name: given[0].name }) : t("noPicture"), true);
  const name = file.name || "picture";
  if (given.length > 1) toast(t("onlyOne", { name, count: given.length }), true);
  const limits = wishes.limits(); // 0 as long as they are not known
  if (limits.bytes && file.size > limits.bytes) return toast(t("tooLarge", { name, ...limits }), true);
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
    giveFiles(event.dataTransfer.files);
  });
}
