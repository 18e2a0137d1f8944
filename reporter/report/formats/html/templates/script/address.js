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

const isView = () => location.hash.includes("=");

/** Take the view from the address. An anchor in the page leaves it as it is. */
function fromAddress() {
  if (location.hash.length > 1 && !isView() && drawn) return openGroup("");
  const found = new URLSearchParams(isView() ? location.hash.slice(1) : "");
  const before = address("");
  for (const facet of FACETS) facet.chosen = new Set(found.getAll(facet.key));
  byId("search").value = found.get("q") ?? "";
  // To draw the rows again would take the focus off the one that was opened.
  if (!drawn || address("") !== before) draw();
  drawn = true;
  openGroup(found.get("group") ?? "");
}

function show(replaces = false) {
  toAddress(replaces);
  draw();
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
