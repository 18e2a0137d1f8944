// What is listened to, and the first view.

byId("facets").append(...FACETS.map(makeFacet));
byId("filters").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", (event) => {
  for (const facet of FACETS) if (facet.box.open && !facet.box.contains(event.target) && event.target.isConnected) facet.box.open = false;
});
let typing = 0;
byId("search").addEventListener("input", () => {
  clearTimeout(typing);
  // A search is one step for Back, however it is typed.
  typing = setTimeout(() => show(new URLSearchParams(location.hash.slice(1)).has("q")), 120);
});
byId("clear").addEventListener("click", () => {
  byId("search").value = "";
  for (const facet of FACETS) facet.chosen.clear();
  show();
  byId("search").focus();
});

// A page of rows begins at its top. Who turns it with the keyboard stays at the button.
document.addEventListener("click", (event) => {
  if (event.detail && event.target.closest?.(".dt-paging-button")) byId("table").scrollIntoView();
});

/** Go to the rows: a link has led to them. */
function arrive() {
  byId("findings").scrollIntoView();
  byId("findings-title").focus({ preventScroll: true });
}

let followed = false; // a link on the page
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#'][href*='=']");
  followed = Boolean(link);
  if (link && link.hash === location.hash && !opened) arrive(); // which changes no address
});
addEventListener("popstate", () => {
  byUs = false; // what closes a group now is no way back to where it was opened
  fromAddress();
  if (followed && isView() && !opened) arrive();
  followed = false;
});

// On paper stand all rows, unless they are very many: then those of the page, and a line that says so.
let shownRows = PAGE;
addEventListener("beforeprint", () => {
  shownRows = table.page.len();
  const all = wanted.count <= PRINTED;
  const { start, end } = table.page.info();
  byId("printed").textContent = all ? "" : `Here: rows ${number(start + 1)} to ${number(end)}. Up to ${number(PRINTED)} are printed whole.`;
  if (all) table.page.len(-1).draw();
});
addEventListener("afterprint", () => {
  if (table.page.len() !== shownRows) table.page.len(shownRows).draw();
});

byId("explorer").hidden = false;
fromAddress();
if (isView()) {
  byId("findings").scrollIntoView();
  if (!opened) arrive();
}
(globalThis.requestIdleCallback ?? setTimeout)(makeHaystacks); // so that the first search need not
