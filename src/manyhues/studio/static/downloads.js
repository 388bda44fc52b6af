// Downloads: each says that it is being made and how far it is, tells its errors, and starts once.

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { Refused, ask, complain, reach, sleep } from "./api.js";

const ASK = 700; // ms between two looks at how far an archive is
const UNKNOWN = 15; // looks at a download that the studio does not know yet

/** Fetch what a link names; `link` shows how it goes. */
export async function download(link) {
  if (link.ariaBusy === "true" || !link.getAttribute("href")) return;
  const { href } = link;
  const words = link.querySelector("[data-t], .words");
  const before = words?.textContent;
  const say = (text) => words && words.textContent !== text && (words.textContent = text);
  const slow = setTimeout(() => say(t("preparing")), 150);
  link.ariaBusy = "true";
  try {
    if (/\/zip\b/.test(href)) await archive(href, say);
    else await single(href);
  } catch (error) {
    complain(error);
  } finally {
    clearTimeout(slow);
    link.ariaBusy = "false";
    if (words) words.textContent = words.dataset.t ? t(words.dataset.t) : before;
  }
}

const begin = (href) => el("a", { href, download: "" }).click();

/** Wait until the studio has made a file; then the browser downloads it as any link. */
async function single(href) {
  const answer = await reach(href);
  if (!answer.ok) {
    const { code, detail } = await answer.json();
    throw new Refused(code, detail);
  }
  await answer.body.cancel();
  begin(href);
}

/** An archive is sent as it is made: the browser downloads it, and the studio says how far it is. */
async function archive(href, say) {
  const ticket = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  begin(`${href}${href.includes("?") ? "&" : "?"}ticket=${ticket}`);
  for (let unknown = 0; ; ) {
    await sleep(ASK);
    const now = await ask("GET", `/api/downloads/${ticket}`).catch((error) => {
      unknown += 1;
      if (error.code !== "lost" || unknown > UNKNOWN) throw error;
      return { state: "preparing", done: 0, total: 0 };
    });
    if (now.state === "failed") throw new Refused("failed", now.detail);
    if (["done", "stopped"].includes(now.state)) return;
    if (now.total) say(t("part", now));
  }
}

/** Hand a picture to another app, where the system can. */
export async function share(href) {
  const answer = await reach(href);
  const told = answer.headers.get("Content-Disposition") ?? "";
  const name = decodeURIComponent(/filename\*=utf-8''([^;]+)/i.exec(told)?.[1] ?? /filename="([^"]+)"/.exec(told)?.[1] ?? "picture.jpg");
  const file = new File([await answer.blob()], name, { type: "image/jpeg" });
  await navigator.share({ files: [file] }).catch((error) => {
    if (error.name !== "AbortError") throw error; // one may think better of it
  });
}

/** Every link of the page that downloads; once. */
export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[download]");
    if (!link || !link.isConnected || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    event.preventDefault();
    download(link);
  });
}
