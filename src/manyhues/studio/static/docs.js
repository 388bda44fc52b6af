// The OpenAPI document, readable: no outside page is needed for it.

import { $, el } from "./dom.js";

const name = (ref) => ref.split("/").pop();

/** A schema in a few words, as nodes: types link to where they are described. */
function kind(schema = {}) {
  if (schema.$ref) return [el("a", { href: `#${name(schema.$ref)}`, textContent: name(schema.$ref) })];
  if (schema.enum) return [schema.enum.join(" | ")];
  if (schema.const) return [String(schema.const)];
  const several = schema.anyOf ?? schema.oneOf;
  if (several) return several.flatMap((one, index) => [...(index ? [" | "] : []), ...kind(one)]);
  if (schema.type === "array") return ["list of ", ...kind(schema.items)];
  const { minimum, maximum } = schema;
  const range = minimum === undefined && maximum === undefined ? "" : ` ${minimum ?? ""}..${maximum ?? ""}`;
  return [(schema.contentMediaType || schema.format === "binary" ? "file" : (schema.type ?? "any")) + range];
}

const cells = (...contents) => el("tr", {}, ...contents.map((content) => el("td", {}, ...[content].flat())));

function table(caption, rows) {
  return rows.length ? el("table", {}, el("caption", { textContent: caption }), ...rows) : "";
}

function fields(schema, caption) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, one]) => {
    const needed = schema.required?.includes(field) ? "" : one.default === undefined ? "optional" : `default ${JSON.stringify(one.default)}`;
    return cells(el("code", { textContent: field }), kind(one), one.description ?? "", needed);
  });
  return table(caption, rows);
}

function operation(path, verb, one, schemas) {
  const body = Object.values(one.requestBody?.content ?? {})[0]?.schema;
  const parameters = (one.parameters ?? []).map((each) => cells(el("code", { textContent: each.name }), kind(each.schema), each.description ?? each.schema.description ?? "", each.in));
  const answers = Object.entries(one.responses).map(([status, answer]) => {
    const [type, content] = Object.entries(answer.content ?? {})[0] ?? [];
    return cells(el("code", { textContent: status }), content?.schema ? kind(content.schema) : (type ?? ""), answer.description);
  });
  return el(
    "details",
    {},
    el("summary", {}, el("b", { textContent: verb.toUpperCase() }), el("code", { textContent: path }), ` ${one.summary ?? ""}`),
    el("div", { tabIndex: 0, role: "group", "aria-label": `${verb} ${path}` }, el("p", { textContent: one.description ?? "" }), table("Parameters", parameters), body ? fields(body.$ref ? schemas[name(body.$ref)] : body, "Body") : "", table("Answers", answers)),
  );
}

const api = await (await fetch("/openapi.json")).json();
const { schemas } = api.components;
$("summary").textContent = `${api.info.title} ${api.info.version}. ${api.info.summary}`;
const tags = Map.groupBy(
  Object.entries(api.paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, one]) => ({ path, verb, one }))),
  ({ one }) => one.tags?.[0] ?? "other",
);
for (const [tag, operations] of tags) {
  $("operations").append(el("h2", { textContent: tag }), ...operations.map(({ path, verb, one }) => operation(path, verb, one, schemas)));
}
for (const [title, schema] of Object.entries(schemas)) {
  if (title.startsWith("Body_")) continue;
  $("schemas").append(el("details", { id: title }, el("summary", {}, el("code", { textContent: title })), el("div", { tabIndex: 0, role: "group", "aria-label": title }, el("p", { textContent: schema.description ?? "" }), fields(schema, "Fields"))));
}
