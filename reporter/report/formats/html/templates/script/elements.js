// The data, and elements made of it. All that comes from AWS gets into the page as text: no function makes HTML of it.

const data = JSON.parse(document.getElementById("data").textContent);
const { texts, groups, policies } = data;
const places = (names) => Object.fromEntries(names.map((name, place) => [name, place]));
const G = places(data.fields.group), F = places(data.fields.finding), I = places(data.fields.interface);
const accounts = new Map(data.accounts.map((account) => [account.name, account]));
const LEVELS = ["critical", "high", "medium", "low", "none"];
const UNKNOWN = "unknown";
const PAGE = 25; // rows
const LISTED = 200; // values of a filter at a time
const PRINTED = 1000; // rows

const byId = (id) => document.getElementById(id);
const text = (group, field) => texts[group[G[field]]];
const list = (group, field) => group[G[field]].map((number) => texts[number]);
const { format: number } = new Intl.NumberFormat("en");
const plural = (count, one) => `${number(count)} ${one}${count === 1 ? "" : "s"}`;

/** A text with a mark for each character that turns the direction of writing, controls a terminal or does not show. */
const visible = (shown) => shown.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g, "\ufffd");

/** An element with properties, attributes (those with a dash) and children: elements, or texts as they are. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== "")
    .map((child) => (typeof child === "string" ? visible(child) : child)));
  return made;
}

const told = (shown) => element("bdi", {}, shown);
const name = (shown) => element("bdi", { className: shown.length > 24 ? "" : "whole" }, shown);
/** A text in which a command stands between backticks. */
const advice = (shown) => shown.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
const unknown = (shown = UNKNOWN) => element("span", { className: "unknown" }, shown);

const levelOf = (group) => (group[G.proven] ? "" : "possibly ") + text(group, "level");
const badge = (group) =>
  element("span", { className: `level ${text(group, "level")}${group[G.proven] ? "" : " possible"}` }, levelOf(group));
const titles = (group) => [...new Set(group[G.findings].map((each) => policies[each[F.policy]].title))];
/** The first few of many texts, and how many more there are. */
const few = (values, most = 3) => [...values.slice(0, most), ...(values.length > most ? [`${values.length - most} more`] : [])].join(", ");
/** What it opens to the world. Where the level is not proven, there may be more. */
const opensOf = (group) => few(list(group, "open")) || (group[G.proven] ? "nothing" : "nothing known");
const inUse = (group) => {
  const count = group[G.interface_count];
  if (group[G.in_use] === null) return UNKNOWN;
  return group[G.in_use] ? (count ? plural(count, "interface") : "yes") : "no";
};
