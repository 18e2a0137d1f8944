// Filters, which combine, and the search.

const tagsOf = (group) => [...list(group, "tags"), ...(accounts.get(text(group, "account"))?.labels ?? [])];
const rank = (order) => (one, other) => order.indexOf(one) - order.indexOf(other);
const NO_INSTANCE = "no instance";
/** What the roles of the instances that carry a group may do. */
const powerOf = (group) => text(group, "role_power") || NO_INSTANCE;
const ANSWERS = ["yes", UNKNOWN, "no"];
const FACETS = [
  { key: "account", label: "Account", of: (group) => [text(group, "account")] },
  { key: "region", label: "Region", of: (group) => [text(group, "region")] },
  {
    key: "level", label: "Level", of: (group) => [levelOf(group)],
    order: rank(LEVELS.flatMap((level) => [level, `possibly ${level}`])),
  },
  { key: "reachable", label: "Reachable", of: (group) => [text(group, "reachable")], order: rank(ANSWERS) },
  { key: "role_power", label: "Role", of: (group) => [powerOf(group)], order: rank([...data.powers, NO_INSTANCE]), hidden: !data.powers.length },
  {
    key: "since_last", label: "New", of: (group) => [text(group, "since_last") || "not told"],
    order: rank(["new", "changed", "same", "not told"]), hidden: !data.base,
  },
  { key: "waived", label: "Waived", of: (group) => [group[G.is_waived] ? "yes" : "no"], order: rank(ANSWERS) },
  { key: "policy", label: "Found by", of: titles },
  { key: "tag", label: "Tag", of: tagsOf },
].filter((facet) => !facet.hidden);

/** Values that there are though no group here has them. */
const KNOWN = {
  account: accounts,
  level: new Set(LEVELS.flatMap((level) => [level, `possibly ${level}`])),
  reachable: new Set(ANSWERS),
  role_power: new Set([...data.powers, NO_INSTANCE]),
  since_last: new Set(["new", "changed", "same", "not told"]),
  waived: new Set(["yes", "no"]),
  policy: new Set(policies.map((policy) => policy.title)),
};
/** What is chosen and names nothing: a filter's label, and the value. */
const namingNothing = () => FACETS.flatMap((facet) =>
  [...facet.chosen].filter((value) => !facet.code.has(value) && !KNOWN[facet.key]?.has(value)).map((value) => [facet.label, value]));

for (const facet of FACETS) {
  const seen = new Map();
  facet.codes = groups.map((group) =>
    facet.of(group).map((value) => {
      if (!seen.has(value)) seen.set(value, seen.size);
      return seen.get(value);
    }));
  facet.values = [...seen.keys()];
  facet.code = seen;
  facet.chosen = new Set(); // texts: an address may name what is not there, and then the page says so
  facet.counts = new Array(facet.values.length).fill(0);
}

let haystacks = null;
const wanted = { words: [], shown: new Uint8Array(groups.length).fill(1), count: groups.length };

/** What the search looks at: id, name, account, addresses, tags, interfaces and instances. */
function haystack(group) {
  const account = text(group, "account");
  const on = group[G.interfaces].flatMap((each) => [each[I.id], each[I.instance_id], ...each[I.addresses]]);
  return [
    text(group, "id"), text(group, "name"), account, accounts.get(account)?.id ?? "", text(group, "vpc"),
    ...[...on, ...group[G.more_found_by]].map((place) => texts[place]), ...list(group, "instances"), ...tagsOf(group),
  ].join("\n").toLowerCase();
}

function makeHaystacks() {
  haystacks ??= groups.map(haystack);
}

/** Which groups are shown, and how many each value of a filter would leave under the other filters. */
function sift() {
  if (wanted.words.length) makeHaystacks();
  const chosen = FACETS.map((facet) =>
    facet.chosen.size ? new Set([...facet.chosen].map((value) => facet.code.get(value) ?? -1)) : null);
  for (const facet of FACETS) facet.counts.fill(0);
  wanted.count = 0;
  for (let row = 0; row < groups.length; row++) {
    let misses = 0, missed = -1;
    if (wanted.words.length && !wanted.words.every((word) => haystacks[row].includes(word))) misses = 2;
    for (let each = 0; misses < 2 && each < FACETS.length; each++) {
      if (chosen[each] && !FACETS[each].codes[row].some((code) => chosen[each].has(code))) {
        misses++;
        missed = each;
      }
    }
    wanted.shown[row] = misses === 0;
    wanted.count += misses === 0;
    if (misses === 0) for (const facet of FACETS) for (const code of facet.codes[row]) facet.counts[code]++;
    else if (misses === 1) for (const code of FACETS[missed].codes[row]) FACETS[missed].counts[code]++;
  }
}

function drawFacet(facet) {
  const { box, summary } = facet;
  const names = [...facet.chosen];
  summary.replaceChildren(element(
    "span", {}, facet.label + (names.length ? `: ${names.length > 2 ? `${names.length} chosen` : names.join(", ")}` : "")));
  box.classList.toggle("chosen", names.length > 0);
  if (!box.open) return; // filled once it is opened
  const narrowed = (facet.narrow?.value ?? "").trim().toLowerCase();
  const count = (value) => facet.counts[facet.code.get(value)] ?? 0;
  const known = [...new Set([...facet.chosen, ...facet.values])].filter((value) => value.toLowerCase().includes(narrowed));
  known.sort(facet.order ?? ((one, other) => count(other) - count(one) || (one < other ? -1 : 1)));
  const focused = document.activeElement?.value;
  const hadFocus = facet.options.contains(document.activeElement);
  facet.options.replaceChildren(...known.slice(0, LISTED).map((value) => {
    const input = element("input", { type: "checkbox", name: facet.key, value, checked: facet.chosen.has(value) });
    input.addEventListener("change", () => {
      if (input.checked) facet.chosen.add(value);
      else facet.chosen.delete(value);
      show();
    });
    return element(
      "label", { className: count(value) || input.checked ? "" : "empty" },
      input, told(value), element("span", {}, number(count(value))));
  }));
  if (known.length > LISTED) facet.options.append(element("p", { className: "note" }, `and ${number(known.length - LISTED)} more: narrow the list`));
  if (hadFocus) facet.options.querySelectorAll("input").forEach((input) => input.value === focused && input.focus());
}

function makeFacet(facet) {
  facet.summary = element("summary");
  facet.options = element("div");
  const fieldset = element("fieldset", {}, element("legend", { className: "aside" }, facet.label));
  if (facet.values.length > 12) {
    facet.narrow = element("input", { type: "search", placeholder: "narrow the list", "aria-label": `Narrow the list: ${facet.label}` });
    facet.narrow.addEventListener("input", () => drawFacet(facet));
    fieldset.append(facet.narrow);
  }
  fieldset.append(facet.options);
  facet.box = element("details", { className: "facet" }, facet.summary, fieldset);
  facet.box.addEventListener("toggle", () => {
    if (!facet.box.open) return facet.options.replaceChildren(); // their counts grow old
    for (const other of FACETS) if (other !== facet) other.box.open = false;
    drawFacet(facet);
  });
  facet.box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !facet.box.open) return;
    facet.box.open = false;
    facet.summary.focus();
    event.preventDefault();
  });
  facet.box.addEventListener("focusout", () => setTimeout(() => {
    // One has gone on: it would lie over where one is. Not at once: to close it while the focus moves crashes Chromium.
    const at = document.activeElement;
    if (at !== document.body && !facet.box.contains(at)) facet.box.open = false;
  }));
  return facet.box;
}
