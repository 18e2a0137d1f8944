// The view, which stands in the address behind #.

let opened = ""; // the id of the group that is open
let byUs = false; // it was opened from this view: to close it is to go back

function address(group = opened) {
  const found = new URLSearchParams();
  for (const facet of FACETS) for (const value of facet.chosen) found.append(facet.key, value);
  const query = byId("search").value.trim();
  if (query) found.set("q", query);
  if (group) found.set("group", group);
  return `#${found}`;
}

/** Put the view into the address; a new entry for Back unless it `replaces` the last one. */
function toAddress(replaces = false, group = opened) {
  const found = address(group);
  if (found === location.hash || (found === "#" && !location.hash)) return;
  if (replaces) history.replaceState(null, "", found);
  else history.pushState(null, "", found);
}

let drawn = false;
let ignored = []; // keys of the address that are no filters

const isView = () => location.hash.includes("=");

/** Take the view from the address. An anchor in the page leaves it as it is. */
function fromAddress() {
  if (location.hash.length > 1 && !isView() && drawn) return openGroup("");
  const found = new URLSearchParams(isView() ? location.hash.slice(1) : "");
  const before = address("");
  for (const facet of FACETS) facet.chosen = new Set(found.getAll(facet.key));
  byId("search").value = found.getAll("q").join(" ").trim();
  const keys = new Set(["q", "group", ...FACETS.map((facet) => facet.key)]);
  ignored = [...new Set(found.keys())].filter((key) => !keys.has(key));
  // To draw the rows again would take the focus off the one that was opened.
  if (!drawn || address("") !== before) draw();
  sayStrange();
  drawn = true;
  openGroup(found.get("group") ?? "");
}

function show(replaces = false) {
  ignored = [];
  toAddress(replaces);
  draw();
  sayStrange();
}

/** Say what of the address names nothing: else no rows would look like no findings, and all rows like those asked for. */
function sayStrange() {
  byId("strange").replaceChildren(
    ...ignored.map((key) => element(
      "p", { className: "warning" }, "This address asks for ", element("q", {}, told(key)),
      key === "since_last" ? ", and there is no earlier run to compare with: it is left out." : ", which is no filter: it is left out.")),
    ...namingNothing().map(([label, value]) => element(
      "p", { className: "warning" }, `${label}: `, element("q", {}, told(value)), " names nothing on this page.")));
}

function draw() {
  wanted.words = byId("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  sift();
  FACETS.forEach(drawFacet);
  table.draw();
  byId("status").textContent = `${number(wanted.count)} of ${plural(groups.length, "group")}` +
    (data.found > groups.length ? `, of ${number(data.found)} with findings` : "") +
    (nothingRead() ? ": not read, and so not known" : "");
  byId("clear").disabled = !wanted.words.length && FACETS.every((facet) => !facet.chosen.size);
  byId("download").disabled = wanted.count === 0;
  drawAccount();
}
