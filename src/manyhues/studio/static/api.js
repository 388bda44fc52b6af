// The studio's API: requests that say why they failed, and the events of a job.

import { t } from "./i18n.js";
import { toast } from "./dom.js";

export class Refused extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }

  /** What to tell a person. */
  get text() {
    const keys = { picture: "badPicture", size: "tooLarge", lost: "lost", offline: "unreachable" };
    return t(keys[this.code] ?? "failed", { detail: this.message });
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask for JSON. When the studio is busy, say so and try again a few times. */
export async function ask(method, path, body) {
  const form = body instanceof FormData;
  const options = { method, body: form || body === undefined ? body : JSON.stringify(body) };
  if (body !== undefined && !form) options.headers = { "Content-Type": "application/json" };
  for (let tries = 0; ; tries += 1) {
    let response;
    try {
      response = await fetch(path, options);
    } catch {
      throw new Refused("offline", "");
    }
    if (response.status === 204) return null;
    const answer = await response.json().catch(() => ({ code: "http", detail: response.statusText }));
    if (response.ok) return answer;
    if (response.status !== 429 || tries === 3) throw new Refused(answer.code, answer.detail);
    const seconds = Number(response.headers.get("Retry-After")) || 2;
    toast(t("busy", { seconds }));
    await sleep(seconds * 1000);
  }
}

/** Listen to a job until its end: `hear(event)` for each event; resolves to the last one's type. */
export function follow(job, hear) {
  return new Promise((resolve) => {
    const source = new EventSource(job.events);
    const kinds = ["candidate", "result", "done", "failed", "stopped"];
    for (const kind of kinds) {
      source.addEventListener(kind, (message) => {
        hear(JSON.parse(message.data));
        if (["done", "failed", "stopped"].includes(kind)) {
          source.close();
          resolve(kind);
        }
      });
    }
    source.onerror = () => {
      // The browser connects again by itself, unless the studio said no.
      if (source.readyState === EventSource.CLOSED) resolve("lost");
    };
  });
}

/** Run a small job and give its results. Throws `Refused` when it fails. */
export async function finish(job) {
  const results = [];
  let fault = "";
  const end = await follow(job, (event) => {
    if (event.type === "result") results.push(event.result);
    if (event.type === "failed") fault = event.message;
  });
  if (end !== "done") throw new Refused(end, fault);
  return results;
}
