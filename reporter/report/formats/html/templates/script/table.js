// The table of groups.

const cell = (name, sorted, shown, className = "") => ({
  title: name, className, searchable: false, type: "string",
  data: null, render: (_, kind, group) => (kind === "display" ? shown(group) : sorted(group)),
});
const ranked = (...made) => ({ ...cell(...made), type: "num" });
const lower = (field) => (group) => text(group, field).toLowerCase();
const marks = (group) => element(
  "span", {},
  data.base && ["new", "changed"].includes(text(group, "since_last"))
    ? element("span", { className: `mark ${text(group, "since_last")}` }, text(group, "since_last")) : "",
  group[G.is_waived] ? element("span", { className: "mark" }, "waived") : "");
const nameOf = (group) => text(group, "name") || text(group, "id");

function groupCell(group) {
  const button = element("button", { type: "button", className: "open" }, told(nameOf(group)));
  button.addEventListener("click", () => {
    byUs = true;
    toAddress(false, text(group, "id"));
    openGroup(text(group, "id"));
  });
  return element(
    "span", {}, button, " ", marks(group), element("small", { className: "whole" }, text(group, "id")),
    element("small", { className: "place" }, told(text(group, "account")), ` · ${text(group, "region")}`),
    element("small", { className: "place" }, `open: ${opensOf(group)}`));
}

const table = new DataTable("#table", {
  data: groups,
  order: [],
  autoWidth: false,
  pageLength: PAGE,
  lengthMenu: [PAGE, 50, 100, 500],
  layout: { topStart: null, topEnd: null, bottomStart: "pageLength", bottomEnd: "paging" },
  language: { emptyTable: data.nothing, zeroRecords: "No group is left by these filters", lengthMenu: "_MENU_ rows a page" },
  columns: [
    ranked("risk", (group) => LEVELS.indexOf(text(group, "level")) * 2 + !group[G.proven], badge),
    ranked(
      "reachable", (group) => ANSWERS.indexOf(text(group, "reachable")),
      (group) => element("span", { className: `reach ${text(group, "reachable")}` }, text(group, "reachable"))),
    ...(data.powers.length
      ? [ranked("role", (group) => [...data.powers, NO_INSTANCE].indexOf(powerOf(group)), (group) => element("span", {}, powerOf(group)), "less")] : []),
    cell("group", (group) => nameOf(group).toLowerCase(), groupCell, "name"),
    cell("account", lower("account"), (group) => name(text(group, "account")), "least"),
    cell("region", lower("region"), (group) => text(group, "region"), "least whole"),
    cell("open to the world", (group) => list(group, "open").join(", "), (group) => element("span", {}, opensOf(group)), "least"),
    ranked(
      "in use", (group) => (group[G.in_use] === null ? -1 : (group[G.interface_count] ?? 0) + group[G.in_use]),
      (group) => (group[G.in_use] === null ? unknown() : element("span", {}, inUse(group))), "less whole"),
    cell("found by", (group) => titles(group).join(", "), (group) => told(few(titles(group))), "less"),
    cell("since", (group) => text(group, "first_seen"), (group) => element("span", {}, text(group, "first_seen") || "not known"), "less whole"),
  ].map((column) => ({ ...column, render: textual(column.render) })),
});
// DataTables takes Enter alone, though its heads say that they are buttons.
byId("table").tHead.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target.role !== "button") return;
  event.preventDefault();
  event.target.click();
});
table.on("draw", () => {
  const empty = document.querySelector("#table td.dt-empty");
  if (empty && nothingRead()) empty.replaceChildren(unknown("Not read, and so not known: this is no account without groups."));
});
table.search.fixed("view", (_, group, row) => wanted.shown[row] === 1);

/** A column's values for display as nodes: DataTables would take a text for HTML. */
function textual(render) {
  return (value, kind, group) => {
    const found = render(value, kind, group);
    return kind === "display" && typeof found === "string" ? element("span", {}, found) : found;
  };
}
