// The studio's API: requests that say why they failed, and the events of a job.

import { t } from "./i18n.js";
import { toast } from "./dom.js";

export class Refused extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }

  /** What to tell a person; `values` are those of the picture it is about. */
  say(values = {}) {
    const keys = { picture: "badPicture", size: "tooLarge", full: "full", memory: "noMemory", lost: "lost", offline: "unreachable", stopped: "stopped" };
    return t(keys[this.code] ?? "failed", { detail: this.message, ...values });
  }

  get text() {
    return this.say();
  }
}

/** Tell a person what went wrong. */
export const complain = (error) => toast(error instanceof Refused ? error.text : String(error), true);

/** As fetch, where a studio that does not answer is `Refused`. */
export const reach = (path, options) =>
  fetch(path, options).catch(() => {
    dispatchEvent(new Event("unreachable"));
    throw new Refused("offline", "");
  });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Try; when the studio is busy, say so and try again a few times. */
async function patiently(attempt) {
  for (let tries = 0; ; tries += 1) {
    const { status, answer, wait } = await attempt();
    if (status < 400) return answer;
    if (status !== 429 || tries === 3) throw new Refused(answer.code, answer.detail);
    const seconds = Number(wait) || 2;
    toast(t("busy", { seconds }));
    await sleep(seconds * 1000);
  }
}

/** Ask for JSON. */
export function ask(method, path, body) {
  const options = { method };
  if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  return patiently(async () => {
    const response = await reach(path, options);
    const { status, statusText, headers } = response;
    const answer = status === 204 ? null : await response.json().catch(() => ({ code: "http", detail: statusText }));
    return { status, answer, wait: headers.get("Retry-After") };
  });
}

/** Upload a form: `told(part)` hears how much has gone, 0 to 1, which fetch cannot tell.
 *  The signal calls it off while it goes; afterwards the answer still comes. */
export function send(path, form, told, signal) {
  const attempt = (resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = () => reject(new Refused("offline", ""));
    if (signal.aborted) return fail();
    request.open("POST", path);
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () => {
      let answer = { code: "http", detail: request.statusText };
      try {
        answer = JSON.parse(request.responseText);
      } catch {} // not the studio's own words
      resolve({ status: request.status, answer, wait: request.getResponseHeader("Retry-After") });
    };
    request.onerror = request.onabort = fail;
    const callOff = () => request.abort();
    request.upload.onload = () => {
      signal.removeEventListener("abort", callOff);
      told(1);
    };
    signal.addEventListener("abort", callOff);
    return request.send(form);
  };
  return patiently(() => new Promise(attempt));
}

// A browser has six connections for all pages of the studio, and the studio draws two side by side.
const STREAMS = 2;
const GIVE_UP = 40; // failures in a row, about 3 s apart
const kinds = ["candidate", "result", "done", "failed", "stopped"];
let streams = 0;
const waiting = []; // who waits for a stream

/** Listen to a job until its end, in its turn; see `listen`. */
export async function follow(job, hear, signal) {
  if (streams < STREAMS) streams += 1;
  else await new Promise((resolve) => waiting.push(resolve));
  try {
    return await listen(job, hear, signal);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else streams -= 1;
  }
}

/** Listen to a job until its end: `hear(event)` for each event, and when the connection is lost
 *  (`offline`) and found again (`online`). Resolves to the last event's type, or to `lost` when the
 *  studio does not know the job, `offline` when it is not to be reached, `left` by the signal. */
function listen(job, hear, signal) {
  if (signal?.aborted) return "left";
  return new Promise((resolve) => {
    const source = new EventSource(job.events);
    let failures = 0;
    const end = (how) => {
      signal?.removeEventListener("abort", leave);
      source.close();
      resolve(how);
    };
    const leave = () => end("left");
    signal?.addEventListener("abort", leave);
    for (const kind of kinds) {
      source.addEventListener(kind, (message) => {
        hear(JSON.parse(message.data));
        if (["done", "failed", "stopped"].includes(kind)) end(kind);
      });
    }
    source.onopen = () => {
      if (failures > 1) hear({ type: "online" });
      failures = 0;
    };
    source.onerror = () => {
      // The browser connects again by itself, unless the studio said no.
      failures += 1;
      dispatchEvent(new Event("unreachable"));
      if (source.readyState === EventSource.CLOSED) end("lost");
      else if (failures === GIVE_UP) end("offline");
      else if (failures === 2) hear({ type: "offline" });
    };
  });
}

/** Run a small job and give its results. Throws `Refused` when it fails. */
export async function finish(job) {
  const results = [];
  let fault = "";
  const end = await listen(job, (event) => {
    if (event.type === "result") results.push(event.result);
    if (event.type === "failed") fault = event.message;
    if (event.type === "offline") toast(t("reconnecting"), true);
  });
  if (end !== "done") throw new Refused(end, fault);
  return results;
}
